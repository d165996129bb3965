// The mount API of Linux 5.2 and later: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2),
// mount_setattr(2). Thin wrappers without exceptions: they run in the child after clone3.
//
// The system calls are made by number: glibc 2.36 declares them, but its <sys/mount.h> cannot be included
// together with <linux/mount.h>, which has the constants.
#pragma once

#include <fcntl.h>
#include <linux/mount.h>

#include <cstdint>

#include "kernel/sys_result.hpp"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace minirun::kernel {

/// A file system context for `type`; close-on-exec.
SysResult<int> fs_open(const char* type) noexcept;
SysStatus fs_set_string(int context, const char* key, const char* value) noexcept;
SysStatus fs_set_flag(int context, const char* key) noexcept;
SysStatus fs_create(int context) noexcept;
/// The new file system as a detached mount with MOUNT_ATTR_* `attributes`; close-on-exec.
SysResult<int> fs_mount(int context, std::uint64_t attributes) noexcept;
/// Copies the context's oldest log line ("e overlay: …") into buffer, NUL-terminated; its length, 0 if there is none.
int fs_log(int context, char* buffer, int size) noexcept;

/// A detached copy of the mount at dirfd/path, with the mounts below it if `recursive`; close-on-exec.
SysResult<int> clone_tree(int dirfd, const char* path, bool recursive, bool follow = true) noexcept;
/// Attaches the detached mount `tree` at the O_PATH descriptor `target`.
SysStatus attach(int tree, int target) noexcept;
struct MountAttributes {
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    std::uint64_t propagation = 0;
    std::uint64_t userns_fd = 0;
};
SysStatus set_mount_attributes(int tree, const MountAttributes& attributes, bool recursive) noexcept;
/// The same for a mount that is attached in the caller's mount namespace; where mount_setattr(2) is not to be had by
/// mount(2), one mount after the other: for a namespace that nobody else is in. Without it no ids can be mapped:
/// ENOSYS.
SysStatus change_attached_mount(int mount, const MountAttributes& attributes, bool recursive) noexcept;
/// MOUNT_ATTR_* as mount(2) says them: MS_*.
unsigned long mount_flags(std::uint64_t attributes) noexcept;

/// mount(2) with a null source and type: changes of propagation.
SysStatus change_propagation(const char* path, unsigned long flags) noexcept;
SysStatus mount_old(const char* source, const char* target, const char* type, unsigned long flags,
                    const void* data) noexcept;
/// The number of a mount namespace, by a descriptor of /proc/PID/ns/mnt: never that of another one. Linux 6.11.
SysResult<std::uint64_t> mount_namespace_id(int namespace_fd) noexcept;
/// Unmounts now what nobody uses, the rest when nobody does any more (MNT_DETACH).
SysStatus detach_mount(const char* path) noexcept;
SysStatus pivot_root(const char* new_root, const char* put_old) noexcept;
/// mount(2) with MS_MOVE.
SysStatus move_mount_old(const char* from, const char* to) noexcept;

}  // namespace minirun::kernel
