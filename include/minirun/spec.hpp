// A container as data: the OCI runtime specification's config.json as C++ structs.
//
// Names and meanings are those of the OCI runtime specification 1.2 (config.md, config-linux.md); each struct
// names its section. An absent optional is a key that the document does not have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minirun/resources.hpp"
#include "minirun/shared_text.hpp"

namespace minirun {

/// config-linux.md "Namespaces", the types.
enum class NamespaceType { mount, pid, network, uts, ipc, cgroup, user, time };
/// config-linux.md "Namespaces". `path` empty: a new one; otherwise the file of the namespace to join.
struct Namespace {
    NamespaceType type;
    std::string path;
    bool operator==(const Namespace&) const = default;
};

/// config-linux.md "User namespace mappings": `size` ids from `container_id` inside are `host_id`… outside.
struct IdMapping {
    std::uint32_t container_id = 0;
    std::uint32_t host_id = 0;
    std::uint32_t size = 0;
    bool operator==(const IdMapping&) const = default;
};

/// config.md "Mounts". `options` are as in fstab(5) and the specification's table (rbind, ro, nosuid, size=64m, …).
struct MountSpec {
    std::string destination;  ///< absolute path inside the container
    std::string type;         ///< "bind", "none" or a file system ("proc", "tmpfs", …); empty with (r)bind
    std::string source;
    std::vector<std::string> options;
    /// Of an idmapped bind mount: `container_id` is the id in the source, `host_id` what it is in the mount. Empty:
    /// those of the container, if the option "idmap" or "ridmap" is there.
    std::vector<IdMapping> uid_mappings = {}, gid_mappings = {};
    bool operator==(const MountSpec&) const = default;
};

/// config.md "POSIX process", user.
struct UserSpec {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
    bool operator==(const UserSpec&) const = default;
};

/// config.md "Linux Process", capabilities: names as "CAP_CHOWN". See capabilities(7).
struct CapabilitySpec {
    std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
    bool operator==(const CapabilitySpec&) const = default;
};

/// config.md "POSIX process", rlimits: `type` as "RLIMIT_NOFILE". See getrlimit(2).
struct RlimitSpec {
    std::string type;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const RlimitSpec&) const = default;
};

/// config.md "Process", consoleSize: in characters.
struct ConsoleSize {
    std::uint16_t height = 0, width = 0;
    bool operator==(const ConsoleSize&) const = default;
};

/// config.md "Linux Process", scheduler: `policy` as "SCHED_OTHER". See sched_setattr(2); times in nanoseconds.
struct SchedulerSpec {
    std::string policy;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::vector<std::string> flags;
    std::uint64_t runtime = 0, deadline = 0, period = 0;
    bool operator==(const SchedulerSpec&) const = default;
};

/// config.md "Linux Process", ioPriority: `io_class` as "IOPRIO_CLASS_BE". See ioprio_set(2).
struct IoPrioritySpec {
    std::string io_class;
    int priority = 0;
    bool operator==(const IoPrioritySpec&) const = default;
};

/// config.md "Linux Process", execCPUAffinity: lists of CPUs, "0-3,7".
struct CpuAffinitySpec {
    std::string initial, final;
    bool operator==(const CpuAffinitySpec&) const = default;
};

/// config.md "Process".
struct ProcessSpec {
    bool terminal = false;
    std::optional<ConsoleSize> console_size;
    UserSpec user;
    std::vector<std::string> args;  ///< argv; args[0] is looked up in the PATH of `env`
    std::vector<std::string> env;   ///< "NAME=value"
    std::string cwd = "/";
    std::optional<CapabilitySpec> capabilities;  ///< absent: all sets empty
    std::vector<RlimitSpec> rlimits;
    bool no_new_privileges = false;
    std::optional<int> oom_score_adj;
    std::optional<SchedulerSpec> scheduler;
    std::optional<IoPrioritySpec> io_priority;
    std::optional<CpuAffinitySpec> exec_cpu_affinity;  ///< of a process that joins the container
    std::string apparmor_profile, selinux_label;       ///< empty: as it comes
    bool operator==(const ProcessSpec&) const = default;
};

/// config-linux.md "Devices". `type` is 'c', 'b', 'u' or 'p'.
struct DeviceSpec {
    std::string path;
    char type = 'c';
    std::uint32_t major = 0, minor = 0;
    std::uint32_t file_mode = 0666;
    std::uint32_t uid = 0, gid = 0;
    bool operator==(const DeviceSpec&) const = default;
};

/// config-linux.md "Time offsets", for the clocks CLOCK_MONOTONIC and CLOCK_BOOTTIME.
struct TimeOffset {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    bool operator==(const TimeOffset&) const = default;
};

/// config-linux.md "Memory policy": `mode` as "MPOL_BIND", `nodes` a list of NUMA nodes, "0-1". See set_mempolicy(2).
struct MemoryPolicySpec {
    std::string mode, nodes;
    std::vector<std::string> flags;
    bool operator==(const MemoryPolicySpec&) const = default;
};

/// config-linux.md.
struct LinuxSpec {
    std::vector<Namespace> namespaces;
    std::vector<IdMapping> uid_mappings, gid_mappings;
    std::optional<TimeOffset> monotonic_offset, boottime_offset;
    std::vector<DeviceSpec> devices;  ///< beside the default ones, which every container gets
    std::map<std::string, std::string> sysctl;
    /// The text of a seccomp profile (JSON, Docker's or the specification's form); absent: no filter.
    std::optional<SharedText> seccomp;
    std::string personality;  ///< config-linux.md "Personality": "", "LINUX", "LINUX32"
    /// "", "private", "slave", "shared", "unbindable", of the root alone; with an "r" before it, of all mounts below,
    /// too
    std::string rootfs_propagation;
    /// What SELinux is to take all file systems to be labelled with that are made for the container; empty: nothing.
    std::string mount_label;
    std::vector<std::string> masked_paths, readonly_paths;
    /// "/absolute" is below the root of the cgroups, "relative" below minirun's place in them, "slice:prefix:name" a
    /// unit of systemd; empty: one by the container's id.
    std::string cgroups_path;
    Resources resources;
    std::optional<MemoryPolicySpec> memory_policy;
    /// config-linux.md "Network devices": interfaces of the host that become the container's, with their names in it.
    std::map<std::string, std::string> net_devices;
    bool operator==(const LinuxSpec&) const = default;
};

/// config.md "POSIX-platform Hooks": a program that is told about the container on its standard input.
struct Hook {
    std::string path;               ///< absolute
    std::vector<std::string> args;  ///< argv, as execv(3) takes it; empty: the path
    std::vector<std::string> env;   ///< the whole environment
    std::optional<int> timeout;     ///< seconds
    bool operator==(const Hook&) const = default;
};
/// The six kinds of hooks.
struct HookSpec {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
    bool operator==(const HookSpec&) const = default;
};

/// config.md "Root". `path` is meaningful for runtime bundles only.
struct RootSpec {
    std::string path;
    bool readonly = false;
    bool operator==(const RootSpec&) const = default;
};

/// The whole config.json.
struct ContainerSpec {
    std::string oci_version = "1.2.0";
    RootSpec root;
    ProcessSpec process;
    std::string hostname, domainname;
    std::vector<MountSpec> mounts;
    std::map<std::string, std::string> annotations;
    HookSpec hooks;
    LinuxSpec linux_;
    bool operator==(const ContainerSpec&) const = default;
};

}  // namespace minirun
