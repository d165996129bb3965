// The one description of a launch. Every way in (a bundle, an image, an engine's config.json) ends here, and the
// plan is made from nothing else.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "minirun/image.hpp"
#include "minirun/published_ports.hpp"
#include "minirun/spec.hpp"
#include "minirun/streams.hpp"
#include "model/bridge_network.hpp"

namespace minirun {

/// overlayfs takes no more lower directories (OVL_MAX_STACK in the kernel's fs/overlayfs).
inline constexpr std::size_t max_layers = 500;

/// A mount point that the image lacks.
struct MissingTarget {
    std::string path;  ///< absolute in the container
    bool directory = true;
};

/// Where the root file system comes from: what config.json's `root.path` cannot say.
struct RootSource {
    enum class Kind {
        layers,     ///< an overlay of layers, made for this container
        directory,  ///< a ready root file system (spec.root.path), used as it is
    };
    enum class Upper {
        disk,    ///< a private writable layer in the container's directory
        memory,  ///< a private writable layer in a tmpfs
        none,    ///< nothing can be written
    };
    Kind kind = Kind::layers;
    std::vector<Layer> layers;  ///< lowest first
    bool isolated = false;      ///< the container gets copies of the layers
    Upper upper = Upper::disk;
    std::optional<std::int64_t> memory_upper_size;  ///< bytes
    bool reused = false;  ///< the writable layer is mounted again some day: what is written is synced as anywhere else
    /// Of a root without a writable layer: what has to be there to be mounted on, in a layer below all others.
    std::vector<MissingTarget> missing_targets;
};

/// Files that every engine provides over the image's own. Their text is ready here.
struct EtcFile {
    std::string path;  ///< "/etc/hosts"
    std::string text;
};

/// Terminal and streams.
struct Streams {
    bool interactive = false;  ///< standard input is passed on; otherwise it is /dev/null
    bool tty = false;          ///< a pty of the container's own
    bool inherited = false;    ///< the caller's own, as they are: an engine has prepared them
    unsigned preserved = 0;    ///< so many descriptors from 3 on are handed on
    StandardStreams descriptors{};
    bool counted = false;  ///< what it writes is copied, whatever the descriptors are, so that it is counted
    bool logged = false;   ///< the same, with its two streams kept apart
};

/// What the supervisor does while the container runs.
struct Supervision {
    std::optional<std::chrono::nanoseconds> timeout;  ///< then stop_signal, then SIGKILL
    int stop_signal = SIGTERM;
    std::chrono::nanoseconds stop_timeout = std::chrono::seconds(10);
    bool init = false;                                   ///< a reaper of minirun's own is pid 1
    std::optional<std::chrono::nanoseconds> cpu_time{};  ///< then SIGKILL
    std::optional<std::uint64_t> output_limit{};         ///< bytes, then SIGKILL
    bool interruptible = false;                          ///< signals that ask to end are SIGKILL to the container
};

/// When a container gets a cgroup of its own.
enum class CgroupUse {
    when_asked,     ///< only if something is to be limited, or a place is named: making one takes time
    always,         ///< engines count on it
    where_allowed,  ///< the same, but a user who may make none goes without, unless something is to be limited
    never,
};

/// How an engine drives the container, beyond what its config.json says.
struct Driven {
    bool outlives_minirun = false;  ///< otherwise it dies with the program that runs it
    bool waits_for_start = false;   ///< created now, started later
    bool new_keyring = true;
    bool pivot_root = true;
    std::string bundle;          ///< absolute path of the bundle's directory; hooks are told
    pid_t joins = 0;             ///< the container's process, if this is another one of its container
    std::string cgroup_below;    ///< where below the container's cgroup it goes; or empty
    bool joins_created = false;  ///< which waits to be started
};

/// In the container's directory: see NetworkSetting::process_record.
inline constexpr char pasta_record[] = "pasta";

/// A network of the container's own, which pasta(1) connects to the host's.
struct NetworkSetting {
    std::vector<PublishedPorts> ports;
    std::string mac_address;     ///< of the container's interface; empty: a random one
    std::string dns_forward;     ///< where the host's own name server answers in the container; empty: nowhere
    std::string process_record;  ///< absolute path at which it is noted down which process pasta is
};

/// A network that the container is to be on whenever it runs.
struct NetworkAttachment {
    std::string network;             ///< its name
    std::string address4, address6;  ///< empty: one that is free
    std::vector<std::string> aliases;
};

/// Networks that the container shares with others, connected by netavark(1).
struct BridgeSetting {
    std::vector<NetworkAttachment> networks;  ///< the first one is eth0
    std::vector<PublishedPorts> ports;
    std::string mac_address;   ///< of eth0; empty: one that goes with its address
    bool keeps_names = false;  ///< the name servers were chosen by the user (--dns)
    // Of one run: what has been chosen for it.
    NetworkRecord record;
    std::string record_path;  ///< absolute path of the file that holds it
    std::string state;        ///< absolute path of the directory with the state of all networks
};

/// Who makes the container's cgroup.
enum class CgroupManager {
    files,        ///< minirun, in the file system of the cgroups
    systemd,      ///< the system's systemd
    user_systemd  ///< that of the user
};

struct LaunchRequest {
    std::string id;              ///< 64 hex digits
    std::string name;            ///< --name, or empty
    std::string container_dir;   ///< absolute path of the container's own directory on the host
    std::string process_record;  ///< absolute path at which it is noted down which process the container is
    std::string seccomp_cache;   ///< absolute path of the directory with compiled filters; empty: none
    ContainerSpec spec;
    RootSource root;
    std::vector<EtcFile> etc_files;
    /// Directories of the container that have to exist: the image's volumes, where the writable layer holds them.
    std::vector<std::string> ensure_directories;
    Streams streams;
    Supervision supervision;
    CgroupUse cgroup = CgroupUse::when_asked;
    bool fixed_addresses = false;  ///< personality(2) with ADDR_NO_RANDOMIZE
    bool counts_denied = false;    ///< the system calls that its seccomp filter denies are counted
    bool keeps_upper = false;      ///< its writable layer is looked at when it has ended
    bool keeps_mounts = false;     ///< so are its mounts
    bool accounting = false;       ///< also when asked for nothing else than to count what is used, where the host can
    CgroupManager cgroup_manager = CgroupManager::files;
    Driven driven;
    bool compat = false;      ///< 32-bit system calls are filtered as the others are, not killed
    bool privileged = false;  ///< the host's devices, nothing masked: narrated, and nodev is not set on the root
    bool loopback_up = true;  ///< in a new network namespace
    std::optional<NetworkSetting> pasta;
    std::optional<BridgeSetting> bridge;
    std::string network_of;  ///< the id of the container whose network it joins; or empty
    /// One-line remarks for stderr (ports exposed but no network, …).
    std::vector<std::string> notices;
};

}  // namespace minirun
