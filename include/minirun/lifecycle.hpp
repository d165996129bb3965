// Containers that an engine drives, in steps: the operations of the OCI runtime specification (runtime.md).
//
// A container is a directory ROOT/ID, there from `create` to `delete`. Nothing of minirun's own stays running: what a
// container's status is can be seen from that directory and the container's process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minirun/spec.hpp"
#include "minirun/streams.hpp"

namespace minirun {

/// runtime.md "State": the last two as runc tells them.
enum class ContainerStatus { creating, created, running, paused, stopped };

/// "creating", "created", …
std::string_view status_word(ContainerStatus status) noexcept;

/// runtime.md "State".
struct ContainerState {
    std::string oci_version;
    std::string id;
    ContainerStatus status = ContainerStatus::stopped;
    pid_t pid = 0;  ///< as the host sees it; 0 when it is stopped
    std::string bundle;
    std::map<std::string, std::string> annotations;
    // Beyond the specification, as engines read them from runc:
    std::string rootfs;
    std::string created;  ///< RFC 3339
    std::string owner;    ///< the name of the user who created it
};

/// Where the streams of a process come from and go to.
struct ProcessStreams {
    std::string console_socket;  ///< a Unix socket that is sent the master of the process's terminal; or empty
    unsigned preserve_fds = 0;   ///< so many descriptors from 3 on are handed on
    std::string pid_file;        ///< where the process's pid is written; or empty
    std::string pidfd_socket;    ///< a Unix socket that is sent a pidfd of the process; or empty
    unsigned listen_fds = 0;     ///< of create and run: so many of them are sockets, and the program is told
    std::string notify_socket;   ///< of create and run: who is told when the program is ready (sd_notify(3)); or empty
};

/// A bundle's config.json, read and checked.
struct BundleConfig {
    std::string bundle, file;  ///< absolute
    std::string text;
    ContainerSpec spec;
};

/// What create() and run() are told.
struct CreateOptions {
    /// Who makes the cgroup: minirun, systemd, or nobody (then there are no limits).
    enum class CgroupManager { files, systemd, disabled };

    std::string id;            ///< [A-Za-z0-9][A-Za-z0-9_.-]*
    std::string bundle = ".";  ///< the directory of config.json
    std::string config_file;   ///< another name for config.json; or empty
    ProcessStreams streams;
    bool pivot_root = true;
    bool new_keyring = true;
    CgroupManager cgroup_manager = CgroupManager::files;
    bool keep = false;                        ///< run: do not delete it in the end
    bool detach = false;                      ///< run: do not wait for its end
    std::optional<BundleConfig> config = {};  ///< what the bundle holds, if it was read already
};

/// Throws Error.
BundleConfig read_bundle_config(const CreateOptions& options);

/// What exec() is told.
struct ExecOptions {
    std::string id;
    /// Makes the whole process from the container's config.json and the number of its first process. Nobody starts or
    /// deletes the container meanwhile.
    std::function<ProcessSpec(const ContainerSpec& container, pid_t first)> process;
    ProcessStreams streams;
    bool detach = false;
    bool even_if_paused = false;
    std::string cgroup;  ///< below the container's; or empty: that one
    /// For a person, not for an engine: what his streams give beyond a stream is kept from the process, and standard
    /// input is passed on only if it is `interactive`.
    bool for_person = false, interactive = false;
    StandardStreams descriptors{};
    std::optional<std::chrono::nanoseconds> timeout{};  ///< then it is killed, with all of its session
    bool privileged = false;                            ///< without the container's seccomp filter
    std::function<void()> started = {};                 ///< called when it runs
};

/// The containers below one directory. All operations throw Error; conflict is what a status does not allow.
class Lifecycle {
public:
    /// `root` empty: /run/minirun, or a user's own.
    explicit Lifecycle(std::string root);

    /// Makes the container, up to where its program would start. On failure nothing of it is left.
    void create(const CreateOptions& options) const;
    /// Runs the program of a container that was created.
    void start(const std::string& id) const;
    /// Both in one, and deletes it when it has ended. The exit code, as a shell tells it.
    int run(const CreateOptions& options) const;
    /// Runs another process in a container. The exit code, as a shell tells it; 124 if its time was over.
    int exec(const ExecOptions& options) const;
    /// Sends a signal to the container's first process, or to all.
    void kill(const std::string& id, int signal, bool all) const;
    /// Undoes what create() has made. `force`: whatever its status is, and also if there is none.
    void remove(const std::string& id, bool force) const;
    /// Stops all its processes where they are.
    void pause(const std::string& id) const;
    /// Lets them go on.
    void resume(const std::string& id) const;
    /// The numbers of all its processes, as the host sees them.
    std::vector<pid_t> processes(const std::string& id) const;
    /// Changes its limits: `resources` is a document as config-linux.md's `resources`, `document` what messages call
    /// it.
    void update(const std::string& id, std::string_view resources, const std::string& document) const;
    /// What it has used, as JSON: the "data" of runc's `events --stats`.
    std::string statistics(const std::string& id) const;
    /// What can be seen of a container.
    ContainerState state(const std::string& id) const;
    /// All containers, sorted by their ids.
    std::vector<ContainerState> list() const;

private:
    std::string root_;
};

/// What `state` prints.
std::string state_json(const ContainerState& state);

}  // namespace minirun
