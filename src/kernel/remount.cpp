// What mount_setattr(2) does, by mount(2): for what is attached, and one mount after the other.
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/files.hpp"
#include "kernel/mount.hpp"
#include "kernel/openat2.hpp"
#include "kernel/proc_path.hpp"
#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

// mount(2) without a source on what the descriptor stands for. A directory needs no procfs: the container's root is
// changed when the host's is gone.
SysStatus change_at(int mount, unsigned long flags) noexcept {
    if (!is_directory(mount)) return change_propagation(descriptor_path(mount).text(), flags);
    const auto before = sys::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!before) return SysStatus::failure(before.error());
    auto changed = sys::fchdir(mount);
    if (changed) {
        changed = change_propagation(".", flags);
        const auto back = sys::fchdir(before.value());
        if (changed) changed = back;
    }
    sys::close(before.value());
    return changed;
}

// Those of the file system are among them: of a mount of one that is read-only, it makes no difference.
SysResult<std::uint64_t> attributes_of(int mount) noexcept {
    constexpr unsigned long nosymfollow = 0x2000;  // ST_NOSYMFOLLOW
    struct statfs info {};
    const auto told = sys::status(SYS_fstatfs, mount, &info);
    if (!told) return SysResult<std::uint64_t>::failure(told.error());
    const auto flags = static_cast<unsigned long>(info.f_flags);
    std::uint64_t attributes = 0;
    if ((flags & ST_RDONLY) != 0) attributes |= MOUNT_ATTR_RDONLY;
    if ((flags & ST_NOSUID) != 0) attributes |= MOUNT_ATTR_NOSUID;
    if ((flags & ST_NODEV) != 0) attributes |= MOUNT_ATTR_NODEV;
    if ((flags & ST_NOEXEC) != 0) attributes |= MOUNT_ATTR_NOEXEC;
    if ((flags & ST_NODIRATIME) != 0) attributes |= MOUNT_ATTR_NODIRATIME;
    if ((flags & nosymfollow) != 0) attributes |= MOUNT_ATTR_NOSYMFOLLOW;
    if ((flags & ST_NOATIME) != 0)
        attributes |= MOUNT_ATTR_NOATIME;
    else if ((flags & ST_RELATIME) == 0)
        attributes |= MOUNT_ATTR_STRICTATIME;
    return SysResult<std::uint64_t>::success(attributes);
}

SysStatus remount(int mount, const MountAttributes& change) noexcept {
    const auto before = attributes_of(mount);
    if (!before) return SysStatus::failure(before.error());
    const auto after = (before.value() & ~change.clear) | change.set;
    return change_at(mount, MS_REMOUNT | MS_BIND | mount_flags(after));
}

// 0 where the kernel does not tell (before Linux 5.8).
std::uint64_t mount_number(int mount) noexcept {
    struct statx info {};
    const auto told = sys::status(SYS_statx, mount, "", AT_EMPTY_PATH, STATX_MNT_ID, &info);
    return told && (info.stx_mask & STATX_MNT_ID) != 0 ? info.stx_mnt_id : 0;
}

// The lines of /proc/self/mountinfo: "36 35 98:0 /root /mount/point …", with blanks and backslashes in octal.
class MountTable {
public:
    MountTable() noexcept : file_(sys::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}
    ~MountTable() {
        if (file_) sys::close(file_.value());
    }
    MountTable(const MountTable&) = delete;
    MountTable& operator=(const MountTable&) = delete;

    std::uint64_t number = 0;
    char point[PATH_MAX];  ///< "" if it is longer than a path can be
    int error() const noexcept { return file_.error(); }

    bool next() noexcept {
        std::size_t length = 0;
        number = 0;
        for (int field = 1;;) {
            const int c = take();
            if (c < 0) return false;
            if (c == '\n') break;
            if (c == ' ')
                field++;
            else if (field == 1)
                number = number * 10 + static_cast<unsigned>(c - '0');
            else if (field == 5 && length < sizeof point)
                point[length++] = static_cast<char>(c == '\\' ? take_octal() : c);
        }
        point[length < sizeof point ? length : 0] = '\0';
        return true;
    }

private:
    int take() noexcept {
        if (at_ == end_) {
            const long size = file_ ? sys::call(SYS_read, file_.value(), buffer_, sizeof buffer_) : 0;
            if (size < 0) file_ = SysResult<int>::failure(static_cast<int>(-size));
            if (size <= 0) return -1;
            at_ = 0;
            end_ = static_cast<std::size_t>(size);
        }
        return static_cast<unsigned char>(buffer_[at_++]);
    }
    int take_octal() noexcept {
        int value = 0;
        for (int digit = 0; digit < 3; digit++) value = value * 8 + (take() - '0');
        return value;
    }

    SysResult<int> file_;
    char buffer_[2048];
    std::size_t at_ = 0, end_ = 0;
};

// What is covered by another mount cannot be reached, and stays as it is: who could uncover it could change it as well.
SysStatus remount_below(int top, const MountAttributes& change) noexcept {
    char path[PATH_MAX];
    const auto told = sys::value(SYS_readlinkat, AT_FDCWD, descriptor_path(top).text(), path, sizeof path);
    if (!told) return SysStatus::failure(told.error());
    auto length = static_cast<std::size_t>(told.value());
    if (length == sizeof path) return SysStatus::failure(ENAMETOOLONG);
    if (length == 1) length = 0;  // "/"
    MountTable table;
    while (table.next()) {
        const bool below = std::memcmp(table.point, path, length) == 0 && table.point[length] == '/';
        if (!below || table.point[length + 1] == '\0') continue;
        const auto found =
            open_beneath(top, table.point + length + 1, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
        const int error = found.error();
        if (error == ENOENT || error == ENOTDIR || error == ELOOP) continue;  // covered
        if (!found) return SysStatus::failure(error);
        const auto number = mount_number(found.value());
        const auto done = number == 0              ? SysStatus::failure(ENOSYS)
                          : number == table.number ? remount(found.value(), change)
                                                   : SysStatus::success();
        sys::close(found.value());
        if (!done) return done;
    }
    if (table.error() != 0) return SysStatus::failure(table.error());
    // Who has renamed what it lies in meanwhile has kept us from seeing the rest.
    char now[PATH_MAX];
    const auto again = sys::value(SYS_readlinkat, AT_FDCWD, descriptor_path(top).text(), now, sizeof now);
    const bool same = again && again.value() == told.value() && std::memcmp(now, path, length) == 0;
    return same ? SysStatus::success() : SysStatus::failure(EAGAIN);
}

}  // namespace

unsigned long mount_flags(std::uint64_t attributes) noexcept {
    unsigned long flags = 0;
    if ((attributes & MOUNT_ATTR_RDONLY) != 0) flags |= MS_RDONLY;
    if ((attributes & MOUNT_ATTR_NOSUID) != 0) flags |= MS_NOSUID;
    if ((attributes & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
    if ((attributes & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
    if ((attributes & MOUNT_ATTR_NODIRATIME) != 0) flags |= MS_NODIRATIME;
    if ((attributes & MOUNT_ATTR_NOSYMFOLLOW) != 0) flags |= MS_NOSYMFOLLOW;
    switch (attributes & MOUNT_ATTR__ATIME) {
        case MOUNT_ATTR_NOATIME: return flags | MS_NOATIME;
        case MOUNT_ATTR_STRICTATIME: return flags | MS_STRICTATIME;
        default: return flags | MS_RELATIME;
    }
}

SysStatus change_attached_mount(int mount, const MountAttributes& attributes, bool recursive) noexcept {
    auto done = set_mount_attributes(mount, attributes, recursive);
    if (done.error() != ENOSYS || attributes.userns_fd != 0) return done;
    done = SysStatus::success();
    // First, so that no mount of the host comes in behind the others.
    if (attributes.propagation != 0) done = change_at(mount, attributes.propagation | (recursive ? MS_REC : 0ul));
    if (!done || (attributes.set | attributes.clear) == 0) return done;
    done = remount(mount, attributes);
    return done && recursive ? remount_below(mount, attributes) : done;
}

}  // namespace minirun::kernel
