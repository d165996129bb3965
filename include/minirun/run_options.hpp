// What `minirun run` can be asked for: Docker's words as data.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minirun/findings.hpp"
#include "minirun/health.hpp"
#include "minirun/published_ports.hpp"
#include "minirun/spec.hpp"
#include "minirun/streams.hpp"

namespace minirun {

/// A bind mount, a tmpfs or a throw-away overlay over a host directory (-v, --mount, --tmpfs).
struct VolumeOption {
    /// An anonymous one begins with what the image has there, and is thrown away.
    enum class Kind { bind, tmpfs, overlay, anonymous };
    Kind kind = Kind::bind;
    std::string source;       ///< absolute host path, of bind and overlay
    std::string destination;  ///< absolute path inside the container
    bool read_only = false;
    /// Mount options as in config.json ("nosuid", "rshared", "size=64m", "mode=1777", …), beside the kind's own.
    std::vector<std::string> options;
    bool operator==(const VolumeOption&) const = default;
};

/// A namespace of the container's own, or the host's.
enum class NamespaceMode { private_, host };

/// When a container in the background is started again (--restart).
struct RestartPolicy {
    /// Docker's no, on-failure, always, unless-stopped.
    enum class When { never, on_failure, always, unless_stopped };
    When when = When::never;
    unsigned most = 0;  ///< of on_failure: so many times; 0: without end
    bool operator==(const RestartPolicy&) const = default;
};

/// Where the output of a container goes that is kept (--log-driver, --log-opt).
struct LogSetting {
    bool kept = true;                         ///< in files of Docker's json-file form
    std::optional<std::uint64_t> max_size{};  ///< bytes, then a new file is begun; unset: without end
    unsigned max_files = 1;                   ///< so many of them are kept
    bool journal = false;                     ///< in the host's journal; `kept` is false then
    std::string tag{};                        ///< in the journal, how it is tagged; empty: with the id's beginning
    bool operator==(const LogSetting&) const = default;
};

/// The options of one run. Everything unset means the image's own value or the default.
struct RunOptions {
    // What runs
    std::vector<std::string> arguments;                  ///< replace the image's Cmd
    std::optional<std::vector<std::string>> entrypoint;  ///< replaces the image's Entrypoint, and drops its Cmd
    std::vector<std::string> env;                        ///< "NAME=value", in order; "NAME" takes the image's away
    std::string working_dir;
    std::string user;                    ///< "name|uid[:group|gid]"
    std::vector<std::string> group_add;  ///< names or gids
    std::string stop_signal;             ///< "SIGTERM", "TERM" or "15"
    std::chrono::nanoseconds stop_timeout = std::chrono::seconds(10);
    std::optional<std::chrono::nanoseconds> timeout;
    bool init = false;
    bool interactive = false;  ///< it gets standard input; otherwise /dev/null
    bool tty = false;
    /// What becomes its own. Pipes and sockets are passed on as they are; in the place of anything else it gets a pipe,
    /// and what it writes there is copied.
    StandardStreams streams;

    // Its file system
    std::optional<std::string> rootfs;  ///< --rootfs DIR instead of an image
    bool read_only = false;
    bool tmpfs_upper = false;                      ///< the writable layer is in memory
    std::optional<std::int64_t> tmpfs_upper_size;  ///< bytes
    bool isolate_layers = false;                   ///< copy the layers, so that nothing of them is shared
    std::vector<VolumeOption> volumes;
    std::vector<DeviceSpec> devices;
    std::int64_t shm_size = 64 << 20;  ///< bytes of /dev/shm

    // Its isolation
    /// Loopback only; the host's network; one of its own, which pasta(1) connects to the host's; that of a namespace;
    /// networks that containers share; that of another container.
    enum class Network { none, host, pasta, path, bridge, container };
    std::optional<Network> network;            ///< unset: none, or pasta where ports are published
    std::string network_path;                  ///< absolute, of Network::path
    std::string network_container;             ///< the word for it, of Network::container
    std::vector<std::string> bridges;          ///< their names, of Network::bridge
    std::string address4, address6;            ///< on the first of them; empty: one that is free
    std::vector<std::string> network_aliases;  ///< by which the others on them find it
    std::vector<PublishedPorts> publish;       ///< the others of these options take pasta, too
    bool publish_all = false;                  ///< those that the image exposes, on ports of the host that are free
    std::string mac_address;  ///< "02:42:ac:11:00:02", of the container's interface; empty: a random one
    NamespaceMode pid = NamespaceMode::private_, ipc = NamespaceMode::private_, uts = NamespaceMode::private_,
                  cgroup = NamespaceMode::private_;
    bool user_namespace = false;
    bool time_namespace = false;
    std::vector<std::string> cap_add, cap_drop;  ///< "NET_ADMIN", "CAP_NET_ADMIN", "ALL"
    bool privileged = false;
    std::optional<bool> no_new_privileges;  ///< set, unless privileged
    /// The text of a seccomp profile, "unconfined", or unset for the default profile.
    std::optional<std::string> seccomp;
    bool fixed_addresses = false;  ///< programs are always laid out alike in memory (no ASLR)
    bool allow_32bit = false;      ///< let 32-bit programs run under the filter too (x86-64 only)
    std::vector<RlimitSpec> ulimits;
    std::map<std::string, std::string> sysctls;
    std::optional<std::vector<std::string>> masked_paths;    ///< unset: the default ones
    std::optional<std::vector<std::string>> readonly_paths;  ///< unset: the default ones

    // What it may use
    Resources resources;
    std::optional<std::int64_t> nano_cpus;             ///< --cpus: 1000000000 is one
    std::string cgroup_parent;                         ///< its cgroup is below this one
    std::optional<std::chrono::nanoseconds> cpu_time;  ///< then all of it is killed
    std::optional<std::uint64_t> output_limit;         ///< bytes on both streams; with one more all of it is killed

    // Its names
    std::string name;
    std::string hostname, domainname;
    std::vector<std::string> add_hosts;  ///< "name:address"
    std::vector<std::string> dns, dns_search, dns_options;
    std::map<std::string, std::string> annotations, labels;

    // Its life
    bool detach = false;  ///< it runs in the background, with a supervisor of its own: see containers.hpp
    bool remove = false;  ///< it goes with its end, even if it has a name or runs in the background
    RestartPolicy restart;
    LogSetting log;
    HealthCheck health;  ///< over the image's; of one that has a record

    // Around it
    bool quiet = false;
    bool interruptible = false;  ///< SIGINT, SIGTERM or SIGHUP to this process kill all of it, and are not passed on
    bool timings = false;        ///< measure the steps of the launch
    bool accounting = false;     ///< count what it uses, in a cgroup of its own if there can be one, and what it writes
    std::string cidfile, pidfile;

    // What is to be known, or kept, of it when it has ended
    bool report_denied = false;  ///< count what its seccomp filter denies
    bool report_diff = false;    ///< list what it has changed in its root file system
    std::vector<ArtifactOption> artifacts;

    /// Whether there is a record of it that other commands find: one with a name, or in the background.
    bool has_record() const { return detach || !name.empty(); }
};

}  // namespace minirun
