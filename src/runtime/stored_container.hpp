// A container that other commands find: one with a name, or in the background. Its directory containers/ID holds
//
//   config.json      what runs in it, as the OCI runtime specification has it, without minirun's own seccomp profile
//   record.json      what an engine's record has, too: exec, pause and their like see no difference
//   request.json     the rest of what it is launched from
//   container.json   what people are told of it; written last, so where it is all of it is there
//   state.json       how far it has come
//   health.json      what its health checks have found in its last run
//   supervisor       a link that tells which process watches over it (launch/left_behind), as long as one does
//   supervisor.lock  held by that one; behind its end it holds the exit code
//   process          a link that tells which process it is
//   stopped          there when a person has ended it: it is not started again by itself
//   json.log         what it has written
//   upper, volumes   what it has changed
//
// Everything else is of one run, and goes before the next.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/json_fwd.hpp"
#include "minirun/containers.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"
#include "model/paths.hpp"
#include "runtime/container_facts.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

class StoredContainer {
public:
    /// In the directory that ContainerDirectory has made for the request.
    static StoredContainer make(const Paths& paths, const ContainerFacts& facts, const LaunchRequest& request);
    /// By its name, its id, or the beginning of that. Throws Error: not_found; usage if several begin like that.
    static StoredContainer find(const Paths& paths, const std::string& word);
    /// That of containers/ID; nothing if there is none, of which a crash of the machine may have left a directory.
    static std::optional<StoredContainer> in_directory(const Paths& paths, const std::string& id);
    static std::vector<StoredContainer> all(const Paths& paths);

    const std::string& id() const { return facts_.id; }
    const std::string& path() const { return path_; }
    static std::string log_in(const std::string& directory) { return directory + "/json.log"; }
    std::string log_path() const { return log_in(path_); }
    const ContainerFacts& facts() const { return facts_; }
    ContainerRecord record() const;
    /// What it is launched from. Throws Error.
    LaunchRequest request() const;
    /// What of it request.json holds, as it is to be from the next run on.
    void write(const LaunchRequest& request) const;
    ContainerProgress progress() const;
    void write(const ContainerProgress& progress) const;
    /// What its health checks have found; none if it has no check. On a full disk what is written is lost.
    std::optional<Health> health() const;
    void write(const Health& health) const noexcept;
    void rename(const std::string& name);
    /// Other limits for the next run: what `resources` (config-linux.md) has takes the place of what there is.
    void update(const Json& resources, const std::optional<RestartPolicy>& restart);

    /// What can be seen of it. One whose supervisor was killed is ended; throws Error{not_found} if it was to go with
    /// its end.
    ContainerSummary observe();
    /// Whether there is one whose supervisor was killed in this directory, and nobody has observed that yet.
    static bool is_lost(const std::string& directory) noexcept;

    /// As long as the descriptor is open nobody starts it. Throws Error{conflict} if it has a supervisor, which does
    /// not come to an end, Error{not_found} if it was removed.
    Fd lock() const;
    /// The same for who becomes that, as long as both are open. Others see it by the lock, or by the mark, which is
    /// faster (SupervisionMarks).
    struct Supervision {
        Fd lock, mark;
    };
    Supervision become_supervisor() const;
    /// What it was made as may have been changed meanwhile.
    void reread();
    /// The end of that, told to those that wait.
    void end_supervision(const Supervision& own, int exit_code) const;
    /// Waits for the end of its supervisor, if it has one; what that has told. None where `milliseconds` are over; -1
    /// is for ever.
    std::optional<int> await_supervisor(int milliseconds) const;
    /// A pidfd of it, if there is one.
    Fd open_supervisor() const;
    /// Removes what is of one run.
    void clear_run() const;
    /// Whether it is not to be started again by itself.
    bool is_stopped_by_hand() const;
    void stop_by_hand(bool stopped) const;
    /// Ends what is left of its processes, and removes it with its name.
    void remove();

private:
    explicit StoredContainer(const Paths& paths, std::string path);
    void write_facts() const;
    void settle();
    void end_processes() const;

    Paths paths_;
    std::string path_;
    ContainerFacts facts_;
};

}  // namespace minirun
