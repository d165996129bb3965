#include "kernel/mount.hpp"

#include <sys/ioctl.h>

#include <cerrno>

#include "kernel/files.hpp"
#include "kernel/system_call.hpp"

namespace minirun::kernel {

SysResult<int> fs_open(const char* type) noexcept { return sys::value(SYS_fsopen, type, FSOPEN_CLOEXEC); }

SysStatus fs_set_string(int context, const char* key, const char* value) noexcept {
    return sys::status(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

SysStatus fs_set_flag(int context, const char* key) noexcept {
    return sys::status(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, nullptr, 0);
}

SysStatus fs_create(int context) noexcept {
    return sys::status(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
}

SysResult<int> fs_mount(int context, std::uint64_t attributes) noexcept {
    return sys::value(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
}

int fs_log(int context, char* buffer, int size) noexcept {
    const long n = sys::call(SYS_read, context, buffer, size - 1);
    const auto length = n < 0 ? 0 : static_cast<int>(n);
    buffer[length] = '\0';
    return length;
}

SysResult<int> clone_tree(int dirfd, const char* path, bool recursive, bool follow) noexcept {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (recursive) flags |= AT_RECURSIVE;
    if (!follow) flags |= AT_SYMLINK_NOFOLLOW;
    if (*path == '\0') flags |= AT_EMPTY_PATH;
    return sys::value(SYS_open_tree, dirfd, path, flags);
}

SysStatus attach(int tree, int target) noexcept {
    const auto attached =
        sys::status(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    // A directory upon a file or the reverse: mount(2) says ENOTDIR, move_mount(2) EINVAL.
    const bool mismatch = attached.error() == EINVAL && is_directory(tree) != is_directory(target);
    return mismatch ? SysStatus::failure(ENOTDIR) : attached;
}

SysStatus set_mount_attributes(int tree, const MountAttributes& attributes, bool recursive) noexcept {
    mount_attr attr{};
    attr.attr_set = attributes.set;
    attr.attr_clr = attributes.clear;
    attr.propagation = attributes.propagation;
    attr.userns_fd = attributes.userns_fd;
    const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);
    return sys::status(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr);
}

SysStatus change_propagation(const char* path, unsigned long flags) noexcept {
    return sys::status(SYS_mount, nullptr, path, nullptr, flags, nullptr);
}

SysStatus mount_old(const char* source, const char* target, const char* type, unsigned long flags,
                    const void* data) noexcept {
    return sys::status(SYS_mount, source, target, type, flags, data);
}

SysResult<std::uint64_t> mount_namespace_id(int namespace_fd) noexcept {
    constexpr unsigned long get_id = _IOR(0xb7, 5, std::uint64_t);  // NS_GET_MNTNS_ID of linux/nsfs.h
    std::uint64_t id = 0;
    const auto got = sys::ioctl(namespace_fd, get_id, &id);
    return got ? SysResult<std::uint64_t>::success(id) : SysResult<std::uint64_t>::failure(got.error());
}

SysStatus detach_mount(const char* path) noexcept { return sys::status(SYS_umount2, path, 2 /* MNT_DETACH */); }

SysStatus pivot_root(const char* new_root, const char* put_old) noexcept {
    return sys::status(SYS_pivot_root, new_root, put_old);
}

SysStatus move_mount_old(const char* from, const char* to) noexcept {
    return sys::status(SYS_mount, from, to, nullptr, 0x2000 /* MS_MOVE */, nullptr);
}

}  // namespace minirun::kernel
