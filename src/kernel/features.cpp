#include "kernel/features.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/mount.hpp"

namespace minirun {
namespace {

bool at_least(const std::string& release, int major, int minor) {
    int has_major = 0;
    int has_minor = 0;
    if (std::sscanf(release.c_str(), "%d.%d", &has_major, &has_minor) != 2) return false;
    return has_major > major || (has_major == major && has_minor >= minor);
}

// "nodev\toverlay": it is there, and need not be loaded first.
bool is_registered(std::string_view type) {
    return read_kernel_file("/proc/filesystems").find(cat("\t", type, "\n")) != std::string::npos;
}

// An older release does not tell what a distribution has backported, so the file system itself is asked. That costs
// more than one would think, a quarter of a millisecond and now and then five: to forget the answer, it waits for
// others. Without rights to ask, the release has to do.
void probe_overlay(KernelFeatures& features) {
    if (!features.filesystem_contexts) {
        features.overlay_lowerdir_add = false;
        return;
    }
    if (at_least(features.release, 6, 7) && is_registered("overlay")) {
        features.overlay_lowerdir_add = true;
        return;
    }
    const auto context = kernel::fs_open("overlay");
    if (!context) {
        features.overlay = context.error() != ENODEV;
        features.overlay_lowerdir_add = at_least(features.release, 6, 7);
        return;
    }
    const Fd owned(context.value());
    // Before Linux 6.5 overlayfs takes whatever it is given and complains when it is mounted.
    const bool takes_anything = kernel::fs_set_string(owned.get(), "no-such-option", "").ok();
    features.overlay_lowerdir_add = !takes_anything && kernel::fs_set_string(owned.get(), "lowerdir+", "/").ok();
}

// A call that exists answers bad arguments with anything but ENOSYS. (close_range: the first one is the largest
// number.)
bool has_call(long number) { return syscall(number, -1, nullptr, 0, nullptr, 0) >= 0 || errno != ENOSYS; }

void probe_calls(KernelFeatures& features) {
    struct Call {
        const char* name;
        long number;
    };
    for (const auto& call : {Call{"open_tree", SYS_open_tree}, Call{"move_mount", SYS_move_mount},
                             Call{"close_range", SYS_close_range}, Call{"pidfd_send_signal", SYS_pidfd_send_signal}})
        if (!has_call(call.number)) features.missing.emplace_back(call.name);
    features.filesystem_contexts = has_call(SYS_fsopen) && has_call(SYS_fsconfig) && has_call(SYS_fsmount);
    features.mount_setattr = has_call(SYS_mount_setattr);
}

// "4:cpu,cpuacct:/path" is a v1 hierarchy, "1:name=systemd:/" one without controllers, "0::/path" cgroup v2.
void read_cgroup_hierarchies(KernelFeatures& features) {
    struct statfs info {};
    features.cgroup_unified = ::statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
    if (features.cgroup_unified) return;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/cgroup", "re"), std::fclose);
    char line[4352];
    while (file && std::fgets(line, sizeof line, file.get()) != nullptr) {
        const auto fields = split(line, ':');
        if (fields.size() < 3 || fields[1].empty()) continue;
        const auto& controllers = fields[1];
        if (controllers.starts_with("name="))
            features.cgroup_v1.push_back({controllers.substr(5), {"none", controllers}});
        else
            features.cgroup_v1.push_back({controllers, split(controllers, ',')});
    }
}

// Only those of a user namespace deny it, and only there the file has to be asked.
bool may_set_groups() { return read_kernel_file("/proc/self/setgroups") != "deny\n"; }

void take_away_for_tests(KernelFeatures& features) {
    const char* without = std::getenv("MINIRUN_WITHOUT");
    if (without == nullptr) return;
    for (const auto& word : split(without, ','))
        if (word == "lowerdir+") features.overlay_lowerdir_add = false;
}

}  // namespace

bool is_in_host_user_namespace() {
    constexpr ino_t first = 0xEFFFFFFD;  // PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h
    struct stat info {};
    return ::stat("/proc/self/ns/user", &info) == 0 && info.st_ino == first;
}

KernelFeatures probe_kernel() {
    KernelFeatures features;
    utsname name{};
    if (::uname(&name) == 0) features.release = name.release;
    probe_calls(features);
    probe_overlay(features);
    features.host_user_namespace = is_in_host_user_namespace();
    features.set_groups = features.host_user_namespace || may_set_groups();
    features.mqueue = ::access("/proc/sys/fs/mqueue", F_OK) == 0;
    read_cgroup_hierarchies(features);
    features.apparmor = ::access("/sys/kernel/security/apparmor/profiles", F_OK) == 0;
    features.selinux = ::access("/sys/fs/selinux/enforce", F_OK) == 0;
    take_away_for_tests(features);
    return features;
}

}  // namespace minirun
