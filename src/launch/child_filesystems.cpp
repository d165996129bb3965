// The steps that make file systems and mount them: the overlay of the layers, and what config.json asks for.
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "kernel/files.hpp"
#include "kernel/mount.hpp"
#include "kernel/proc_path.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"
#include "launch/scoped.hpp"

namespace minirun {
namespace {

constexpr int fsconfig_string_limit = 255;  // strndup_user() in fsconfig(2)

// Where overlayfs cannot make its work directory (a full disk), it mounts read-only and says so in the kernel's log
// only.
SysStatus check_writable(int overlay, std::span<const FsOption> options) noexcept {
    for (const auto& option : options)
        if (std::strcmp(option.key, "upperdir") == 0 && kernel::is_read_only(overlay)) return SysStatus::failure(EROFS);
    return SysStatus::success();
}

}  // namespace

// The kernel's reason is worth more than EINVAL: "e overlay: …" becomes the report's detail.
void ChildSteps::explain(int context) noexcept {
    (void)kernel::fs_log(context, report.detail, static_cast<int>(sizeof report.detail));
}

SysStatus ChildSteps::set_options(int context, std::span<const FsOption> options) noexcept {
    report.item = 0;
    for (const auto& option : options) {
        const auto set = option.value == nullptr ? kernel::fs_set_flag(context, option.key)
                                                 : kernel::fs_set_string(context, option.key, option.value);
        if (!set) {
            explain(context);
            return set;
        }
        report.item++;
    }
    report.item = -1;
    return SysStatus::success();
}

SysResult<int> ChildSteps::create_and_mount(int context, std::uint64_t attributes) noexcept {
    if (const auto created = kernel::fs_create(context); !created) {
        explain(context);
        return SysResult<int>::failure(created.error());
    }
    return kernel::fs_mount(context, attributes);
}

// mount(2) puts it somewhere; from there it is taken as fsmount(2) would have given it. MS_RDONLY would be the
// superblock's, too.
SysResult<int> ChildSteps::make_filesystem_old(const op::MountFilesystem& step) noexcept {
    const auto flags = kernel::mount_flags(step.attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY});
    const auto mounted = kernel::mount_old(step.source, op::staging, step.type, flags, step.mount_data);
    if (!mounted) {
        if (mounted.error() == EINVAL && *step.mount_data != '\0') report.item = 0;  // one of the options
        return SysResult<int>::failure(mounted.error());
    }
    const auto tree = kernel::clone_tree(AT_FDCWD, op::staging, false);
    const auto detached = kernel::detach_mount(op::staging);
    return detached ? tree : SysResult<int>::failure(detached.error());
}

SysResult<int> ChildSteps::make_filesystem(const op::MountFilesystem& step) noexcept {
    if (step.mount_data != nullptr) return make_filesystem_old(step);
    const auto context = kernel::fs_open(step.type);
    if (!context) return context;
    const Scoped owned(context.value());
    (void)kernel::fs_set_string(owned.get(), "source", step.source);
    if (const auto set = set_options(owned.get(), step.options); !set) return SysResult<int>::failure(set.error());
    return create_and_mount(owned.get(), step.attributes);
}

SysStatus ChildSteps::add_layer(int context, const char* layer) noexcept {
    if (std::strlen(layer) <= fsconfig_string_limit) return kernel::fs_set_string(context, "lowerdir+", layer);
    const auto opened = sys::open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!opened) return SysStatus::failure(opened.error());
    const Scoped owned(opened.value());
    return kernel::fs_set_string(context, "lowerdir+", kernel::descriptor_path(owned.get()).text());
}

SysResult<int> ChildSteps::make_overlay(const op::MountOverlay& step) noexcept {
    const auto context = kernel::fs_open("overlay");
    if (!context) return context;
    const Scoped owned(context.value());
    (void)kernel::fs_set_string(owned.get(), "source", "overlay");
    report.layer = 0;
    for (const char* layer : step.lower) {
        if (const auto added = add_layer(owned.get(), layer); !added) {
            explain(owned.get());
            return SysResult<int>::failure(added.error());
        }
        report.layer++;
    }
    report.layer = -1;
    if (const auto set = set_options(owned.get(), step.options); !set) return SysResult<int>::failure(set.error());
    return create_and_mount(owned.get(), step.attributes);
}

SysStatus ChildSteps::mount_overlay_old(const op::MountOverlay& step) noexcept {
    if (const auto mounted = kernel::mount_old("overlay", step.mountpoint, "overlay", 0, step.mount_data); !mounted)
        return mounted;
    const auto root = sys::open(step.mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!root) return SysStatus::failure(root.error());
    keep(Slot::root, root.value());
    if (const auto writable = check_writable(root.value(), step.options); !writable) return writable;
    return kernel::change_attached_mount(root.value(), {.set = step.attributes}, false);
}

SysStatus ChildSteps::operator()(const op::MountOverlay& step) noexcept {
    if (step.mount_data != nullptr) return mount_overlay_old(step);
    const auto tree = make_overlay(step);
    if (!tree) return SysStatus::failure(tree.error());
    const auto writable = check_writable(tree.value(), step.options);
    return writable ? adopt_root(tree.value(), step.mountpoint) : writable;
}

SysStatus ChildSteps::operator()(const op::MountFilesystem& step) noexcept {
    const auto tree = make_filesystem(step);
    if (!tree) return SysStatus::failure(tree.error());
    if (const auto writable = check_writable(tree.value(), step.options); !writable) {
        report.item = 0;  // a fault of the file system, not of the place where it goes
        return writable;
    }
    if (step.keep_as != Slot::none) keep(step.keep_as, tree.value());
    auto done = step.copy_up ? copy_up(tree.value(), step) : SysStatus::success();
    if (done && step.target.at != Slot::none) done = attach_at(tree.value(), step.target);
    kernel::MountAttributes change{.propagation = step.propagation};
    if (step.mount_data != nullptr) change.set = step.attributes & MOUNT_ATTR_RDONLY;
    if (done && (change.set | change.propagation) != 0)
        done = kernel::change_attached_mount(tree.value(), change, false);
    if (step.keep_as == Slot::none) sys::close(tree.value());
    return done;
}

}  // namespace minirun
