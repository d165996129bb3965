#include "runtime/container_view.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "kernel/features.hpp"
#include "kernel/mount.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

Error cannot_mount(int error) {
    return system_error("cannot mount the container's root file system", error,
                        error == EPERM || error == EACCES ? "run it with sudo" : "");
}

void check(const SysStatus& done) {
    if (!done) throw cannot_mount(done.error());
}

Fd open_directory(const std::string& path) {
    Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) throw system_error(cat("cannot open ", quote(path)), errno);
    return directory;
}

Fd open_or_make(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) (void)::chmod(path.c_str(), mode);
    return open_directory(path);
}

// What an overlay is made of, by descriptors: their names in /proc are short, whatever the paths are.
struct Overlay {
    std::vector<Fd> lower;  // topmost first
    Fd upper, work;

    static std::string name(const Fd& directory) { return cat("/proc/self/fd/", directory.get()); }
};

Overlay overlay_of(const ContainerRoot& root, bool writable) {
    Overlay overlay;
    if (writable) {
        overlay.upper = open_or_make(root.upper, 0755);
        overlay.work = open_or_make(root.own + "/work", 0700);
    } else if (!root.upper.empty() && ::access(root.upper.c_str(), F_OK) == 0) {
        overlay.lower.push_back(open_directory(root.upper));
    }
    for (auto layer = root.layers.rbegin(); layer != root.layers.rend(); ++layer)
        overlay.lower.push_back(open_directory(layer->path));
    // Without a writable layer overlayfs takes no single directory.
    if (!writable && overlay.lower.size() == 1) overlay.lower.push_back(open_or_make(root.own + "/nothing", 0755));
    return overlay;
}

std::uint64_t attributes(bool writable) {
    return MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (writable ? 0u : MOUNT_ATTR_RDONLY);
}

// Attached nowhere.
Fd mount_detached(const Overlay& overlay) {
    const auto opened = kernel::fs_open("overlay");
    if (!opened) throw cannot_mount(opened.error());
    const Fd context(opened.value());
    for (const auto& directory : overlay.lower)
        check(kernel::fs_set_string(context.get(), "lowerdir+", Overlay::name(directory).c_str()));
    if (overlay.upper) {
        check(kernel::fs_set_string(context.get(), "upperdir", Overlay::name(overlay.upper).c_str()));
        check(kernel::fs_set_string(context.get(), "workdir", Overlay::name(overlay.work).c_str()));
    }
    check(kernel::fs_set_string(context.get(), "index", "off"));
    check(kernel::fs_set_string(context.get(), "metacopy", "off"));
    check(kernel::fs_create(context.get()));
    const auto mounted = kernel::fs_mount(context.get(), attributes(static_cast<bool>(overlay.upper)));
    if (!mounted) throw cannot_mount(mounted.error());
    return Fd(mounted.value());
}

// For kernels that cannot do that: attached in a mount namespace that only this process is in. What is mounted there is
// opened there: overlayfs takes nothing of another namespace.
Fd mount_in_own_namespace(const ContainerRoot& root, bool writable) {
    if (::unshare(CLONE_NEWNS) < 0) throw cannot_mount(errno);
    check(kernel::change_propagation("/", MS_REC | MS_PRIVATE));
    const auto overlay = overlay_of(root, writable);
    std::string options = "index=off,metacopy=off,lowerdir=";
    for (const auto& directory : overlay.lower) options += cat(Overlay::name(directory), ':');
    options.pop_back();
    if (overlay.upper)
        options += cat(",upperdir=", Overlay::name(overlay.upper), ",workdir=", Overlay::name(overlay.work));
    if (options.size() >= static_cast<std::size_t>(::getpagesize()))
        throw Error(ErrorKind::unsupported, "the container's image has more layers than this kernel mounts by one call",
                    "Linux 6.7 or newer has another one");
    const auto place = root.own + "/view";
    (void)open_or_make(place, 0700);
    check(kernel::mount_old("overlay", place.c_str(), "overlay", kernel::mount_flags(attributes(writable)),
                            options.c_str()));
    return open_directory(place);
}

}  // namespace

Fd mount_view(const ContainerRoot& root, bool writable) {
    if (root.kind == ContainerRoot::Kind::directory) return open_directory(root.directory);
    if (root.kind == ContainerRoot::Kind::in_memory)
        throw Error(ErrorKind::unsupported,
                    "what the container writes is in memory (--tmpfs-upper), and goes with its end",
                    "run it without that");
    if (writable && root.kind == ContainerRoot::Kind::read_only)
        throw Error(ErrorKind::unsupported, "the container's root file system is read-only");
    const auto features = probe_kernel();
    return features.filesystem_contexts && features.overlay_lowerdir_add ? mount_detached(overlay_of(root, writable))
                                                                         : mount_in_own_namespace(root, writable);
}

Fd hold_still(const StoredContainer& container, bool alone) {
    const auto path = container.path() + "/supervisor.lock";
    Fd lock(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!lock) throw system_error(cat("cannot open ", quote(path)), errno);
    // Who only looks has the lock for a moment, too.
    constexpr int rounds = 200, microseconds = 5000;
    for (int round = 0; round < rounds; round++) {
        if (::flock(lock.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return lock;
        ::usleep(microseconds);
    }
    return Fd();
}

Fd hold_still_unless_running(const StoredContainer& container, ContainerPhase phase) {
    if (phase == ContainerPhase::running || phase == ContainerPhase::paused) return Fd();
    auto held = hold_still(container, false);
    if (!held)
        throw Error(ErrorKind::conflict, cat("container ", quote(container.facts().name), " is being started, or ends"),
                    "try again");
    return held;
}

}  // namespace minirun
