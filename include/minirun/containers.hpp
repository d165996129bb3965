// Containers that other commands find: those with a name, or in the background.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minirun/findings.hpp"
#include "minirun/health.hpp"
#include "minirun/image.hpp"
#include "minirun/networks.hpp"
#include "minirun/run_options.hpp"

namespace minirun {

/// Docker's words for them are created, running, paused, restarting, exited.
enum class ContainerPhase { created, running, paused, restarting, exited };

/// "created", …
std::string_view phase_word(ContainerPhase phase) noexcept;
/// Whether nothing of it runs, nor will without a command: created or exited.
bool is_at_rest(ContainerPhase phase) noexcept;

/// What can be seen of a container.
struct ContainerSummary {
    std::string id, name;
    std::string image_name, image_id;  ///< as it was named; of one in the store, 64 hex digits
    ContainerPhase phase = ContainerPhase::created;
    pid_t pid = 0;                           ///< of its first process, as the host sees it; 0 when none runs
    std::string created, started, finished;  ///< RFC 3339; or empty
    int exit_code = 0;                       ///< of the last run, as a shell tells it
    bool oom_killed = false;
    std::string error;  ///< why it could not be started, or what became of its supervisor; or empty
    unsigned restarts = 0;
    bool remove = false;  ///< it goes with its end
    RestartPolicy restart;
    LogSetting log;
    std::optional<Health> health;  ///< of one that has a health check, in its last run
    std::map<std::string, std::string> labels;
    std::vector<PublishedPorts> ports;
    std::vector<std::string> args;  ///< what it runs
    std::string directory;          ///< absolute path of its own directory
    std::string log_file;           ///< absolute
};

/// All of it.
struct ContainerDetails {
    ContainerSummary summary;
    ContainerSpec spec;
    std::vector<Layer> layers;     ///< of its root file system, lowest first
    std::string network;           ///< "none", "host", "pasta", "bridge:NAME", "container:ID", "ns:PATH"
    std::vector<NetworkEnd> ends;  ///< of networks that containers share, while it runs
    bool interactive = false;
    bool init = false;
    int stop_signal = 0;
    std::chrono::nanoseconds stop_timeout{};
    std::optional<HealthCheck> health_check;
};

/// What a container uses now, as far as its cgroup counts it.
struct ContainerUsage {
    std::optional<std::uint64_t> cpu_nanoseconds;       ///< of all its processes, since it was started
    std::optional<std::uint64_t> memory, memory_limit;  ///< bytes
    std::uint64_t read_bytes = 0, written_bytes = 0;    ///< from and to disks
    std::size_t pids = 0;
};

/// The program that carries out health checks when it is run as "PROGRAM health-check ID"; until one is set none are
/// made. minirun is that itself.
void set_health_check_program(const char* path) noexcept;

/// Whatever `word` is: a container's name, its id, or the beginning of that. All throw Error: not_found, conflict where
/// its phase does not allow it.
class Containers {
public:
    /// In the place that the environment names (MINIRUN_ROOT).
    Containers();

    /// Makes one that does not run yet. Returns its id. Its image in the store cannot be removed as long as it is
    /// there.
    std::string create(const Image& image, const RunOptions& options) const;
    /// Runs it until it ends and is not to be started again, on no streams but its log and those who are attached:
    /// `attached`, a socket, is the first of them, or -1. `started` is called when it runs for the first time: whoever
    /// waits for that can be told. Its last exit code. Needs root.
    int supervise(const std::string& word, int attached, const std::function<void()>& started) const;

    /// Runs the container's health check once, with output on the streams of this process, which have to be pipes. Its
    /// exit code; 124 if it took too long, and was ended.
    int check_health(const std::string& id) const;

    /// All, the newest first.
    std::vector<ContainerSummary> list() const;
    /// The same one after the other, until `see` returns false: of hundreds no more than one is in memory.
    void each(const std::function<bool(const ContainerSummary&)>& see) const;
    /// One of them.
    ContainerSummary summary(const std::string& word) const;
    /// All of it.
    ContainerDetails inspect(const std::string& word) const;
    /// Waits until it does not run any more, and returns its exit code.
    int wait(const std::string& word) const;
    /// Asks it to end, and ends it after this time; its own if that is unset. One that does not run is left as it is.
    void stop(const std::string& word, std::optional<std::chrono::nanoseconds> timeout) const;
    /// Sends its first process a signal.
    void kill(const std::string& word, int signal) const;
    /// Stops all its processes where they are.
    void pause(const std::string& word) const;
    /// Lets them go on.
    void unpause(const std::string& word) const;
    /// `force`: also one that runs, which is ended first.
    void remove(const std::string& word, bool force) const;
    /// Gives it another name.
    void rename(const std::string& word, const std::string& name) const;
    /// What it has changed in its root file system.
    Changes changes(const std::string& word) const;
    /// What it uses.
    ContainerUsage usage(const std::string& word) const;
    /// Gives it other limits, at once and when it starts again: those that `wanted` has.
    void update(const std::string& word, const Resources& wanted, const std::optional<RestartPolicy>& restart) const;
    /// The numbers of its processes, as the host sees them.
    std::vector<pid_t> processes(const std::string& word) const;
};

}  // namespace minirun
