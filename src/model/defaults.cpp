#include "model/defaults.hpp"

#include "base/text.hpp"
#include "model/network_setting.hpp"

namespace minirun {
namespace {

MountSpec sys_mount(const RunOptions& options) {
    MountSpec sys{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev"}};
    if (!options.privileged) sys.options.emplace_back("ro");
    return sys;
}

MountSpec shm_mount(const RunOptions& options) {
    if (options.ipc == NamespaceMode::host)
        return {"/dev/shm", "bind", "/dev/shm", {"rbind", "nosuid", "noexec", "nodev", "rprivate"}};
    return {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", cat("size=", options.shm_size)}};
}

}  // namespace

std::vector<MountSpec> default_mounts(const RunOptions& options) {
    std::vector<MountSpec> mounts{
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        // Group 5 is tty on every distribution; without it, grantpt(3) needs a setuid helper.
        {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        shm_mount(options),
        // An mqueue file system is that of the ipc namespace: with the host's, these are the host's queues.
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        sys_mount(options),
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime"}},
    };
    if (!options.privileged) mounts.back().options.emplace_back("ro");
    return mounts;
}

const std::vector<std::string>& default_masked_paths() {
    static const std::vector<std::string> paths{
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",  // the timing of key strokes and of other containers
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/devices/virtual/powercap",  // PLATYPUS, CVE-2020-8694: the power drawn tells keys
        "/sys/firmware",
    };
    return paths;
}

const std::vector<std::string>& default_readonly_paths() {
    static const std::vector<std::string> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                "/proc/sysrq-trigger"};
    return paths;
}

// The engines' list without MKNOD, NET_RAW and AUDIT_WRITE: no device cgroup stands behind MKNOD here, and hardly a
// program needs the other two.
const std::vector<std::string>& default_capabilities() {
    static const std::vector<std::string> names{
        "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",           "CAP_FSETID",     "CAP_KILL",   "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP"};
    return names;
}

std::vector<Namespace> default_namespaces(const RunOptions& options) {
    std::vector<Namespace> namespaces{{NamespaceType::mount, ""}};
    const auto add_if = [&](bool wanted, NamespaceType type) {
        if (wanted) namespaces.push_back({type, ""});
    };
    add_if(options.pid == NamespaceMode::private_, NamespaceType::pid);
    if (network_of(options) != RunOptions::Network::host)
        namespaces.push_back({NamespaceType::network, options.network_path});
    add_if(options.uts == NamespaceMode::private_, NamespaceType::uts);
    add_if(options.ipc == NamespaceMode::private_, NamespaceType::ipc);
    add_if(options.cgroup == NamespaceMode::private_, NamespaceType::cgroup);
    add_if(options.user_namespace, NamespaceType::user);
    add_if(options.time_namespace, NamespaceType::time);
    return namespaces;
}

IdMapping default_id_mapping(std::string_view id) {
    constexpr std::uint32_t size = 65536, first = 524288 / size, count = 1878982656 / size - first;
    std::uint32_t number = 0;
    for (const char digit : id.substr(0, 8))
        number = number * 16 + static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    return {0, (first + number % count) * size, size};
}

}  // namespace minirun
