// "tmpcopyup": a tmpfs that begins with what the image has at its place.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "kernel/files.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"

namespace minirun {
namespace {

constexpr int max_depth = 100;  // of directories: each takes a piece of the stack

// The kernel's struct linux_dirent64, as getdents64(2) fills it in.
struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    std::uint8_t type;
    char name[1];
};

class Opened {
public:
    explicit Opened(const SysResult<int>& opened) noexcept : fd_(opened ? opened.value() : -1) {}
    ~Opened() {
        if (fd_ >= 0) sys::close(fd_);
    }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

bool is_dot(const char* name) noexcept {
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

// Owner before mode: a change of the owner clears setuid.
SysStatus give_looks(int directory, const char* name, const struct stat& info) noexcept {
    const auto owned = sys::status(SYS_fchownat, directory, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
    if (!owned || S_ISLNK(info.st_mode)) return owned;
    if (const auto set = sys::status(SYS_fchmodat, directory, name, info.st_mode & 07777); !set) return set;
    const timespec times[2] = {info.st_atim, info.st_mtim};
    return sys::status(SYS_utimensat, directory, name, times, AT_SYMLINK_NOFOLLOW);
}

SysStatus copy_file(int from, int to, const char* name) noexcept {
    const auto source = sys::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (!source) return SysStatus::failure(source.error());
    const Opened input(source);
    const auto target = sys::openat(to, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (!target) return SysStatus::failure(target.error());
    const Opened output(target);
    constexpr std::size_t at_once = 1 << 30;
    while (true) {
        const auto copied = sys::value(SYS_sendfile, output.get(), input.get(), nullptr, at_once);
        if (!copied) return SysStatus::failure(copied.error());
        if (copied.value() == 0) return SysStatus::success();
    }
}

SysStatus copy_link(int from, int to, const char* name) noexcept {
    char target[4096];
    const auto length = sys::value(SYS_readlinkat, from, name, target, sizeof target - 1);
    if (!length) return SysStatus::failure(length.error());
    target[length.value()] = '\0';
    return sys::status(SYS_symlinkat, target, to, name);
}

SysStatus copy_directory(int from, int to, int depth) noexcept;

SysStatus copy_entry(int from, int to, const char* name, int depth) noexcept {
    struct stat info {};
    if (const auto known = sys::status(SYS_newfstatat, from, name, &info, AT_SYMLINK_NOFOLLOW); !known) return known;
    auto copied = SysStatus::success();
    if (S_ISDIR(info.st_mode)) {
        copied = sys::status(SYS_mkdirat, to, name, 0700);
        if (!copied) return copied;
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        const Opened below(sys::openat(from, name, flags)), made(sys::openat(to, name, flags));
        copied = copy_directory(below.get(), made.get(), depth + 1);
    } else if (S_ISREG(info.st_mode)) {
        copied = copy_file(from, to, name);
    } else if (S_ISLNK(info.st_mode)) {
        copied = copy_link(from, to, name);
    } else {
        copied = sys::status(SYS_mknodat, to, name, info.st_mode, info.st_rdev);
    }
    return copied ? give_looks(to, name, info) : copied;
}

SysStatus copy_directory(int from, int to, int depth) noexcept {
    if (from < 0 || to < 0) return SysStatus::failure(ENOENT);
    if (depth > max_depth) return SysStatus::failure(ENAMETOOLONG);
    alignas(Entry) char buffer[2048];
    while (true) {
        const auto filled = sys::value(SYS_getdents64, from, buffer, sizeof buffer);
        if (!filled) return SysStatus::failure(filled.error());
        if (filled.value() == 0) return SysStatus::success();
        for (int at = 0; at < filled.value();) {
            const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
            at += entry->size;
            if (is_dot(entry->name)) continue;
            if (const auto copied = copy_entry(from, to, entry->name, depth); !copied) return copied;
        }
    }
}

}  // namespace

SysStatus ChildSteps::copy_up(int tree, const op::MountFilesystem& step) noexcept {
    const auto place = kernel::open_or_make_in_root(slot(step.target.at), step.target.path, kernel::Missing::directory,
                                                    0755, step.target.no_links);
    if (!place) return SysStatus::failure(place.error());
    const Opened owned(place);
    const Opened from(sys::openat(owned.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Opened to(sys::openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return copy_directory(from.get(), to.get(), 0);
}

}  // namespace minirun
