#include "kernel/files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

#include "kernel/openat2.hpp"
#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

constexpr std::size_t longest_name = 255;

// Makes `name` in the directory and opens it.
SysResult<int> make_entry(int directory, const char* name, bool as_directory, mode_t mode) noexcept {
    if (as_directory) {
        const auto made = sys::status(SYS_mkdirat, directory, name, mode);
        if (!made) return SysResult<int>::failure(made.error());
        return open_beneath(directory, name, O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW, 0, 0);
    }
    return sys::openat(directory, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
}

// What is there and could not be opened is a dangling symbolic link.
SysResult<int> make_missing(int directory, const char* name, bool as_directory, mode_t mode) noexcept {
    const auto made = make_entry(directory, name, as_directory, mode);
    return made.error() == EEXIST ? SysResult<int>::failure(ENOENT) : made;
}

// Where only the last name of the path is missing.
SysResult<int> make_last(int root, const char* path, Missing last, mode_t mode, bool no_links) noexcept {
    char directory[4096];
    const char* slash = std::strrchr(path, '/');
    const auto length = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
    if (length == 0 || length >= sizeof directory || slash[1] == '\0') return SysResult<int>::failure(ENOENT);
    std::memcpy(directory, path, length);
    directory[length] = '\0';
    const auto parent = open_in_root(root, directory, no_links);
    if (!parent) return parent;
    const auto made = make_missing(parent.value(), slash + 1, last == Missing::directory, mode);
    sys::close(parent.value());
    return made;
}

}  // namespace

SysResult<int> open_in_root(int root, const char* path, bool no_links) noexcept {
    const char* relative = *path == '\0' ? "." : path;
    const std::uint64_t links = no_links ? RESOLVE_NO_SYMLINKS : RESOLVE_NO_MAGICLINKS;
    return open_beneath(root, relative, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | links);
}

SysResult<int> open_or_make_in_root(int root, const char* path, Missing last, mode_t mode, bool no_links) noexcept {
    auto found = open_in_root(root, path, no_links);
    if (found || found.error() != ENOENT) return found;
    const auto made = make_last(root, path, last, mode, no_links);
    if (made || made.error() != ENOENT) return made;

    // Walks down with ever longer prefixes, so that each one is resolved from the root with all its symbolic links.
    char prefix[4096];
    const std::size_t length = std::strlen(path);
    if (length >= sizeof prefix) return SysResult<int>::failure(ENAMETOOLONG);
    auto parent = sys::value(SYS_dup, root);
    for (std::size_t end = 0; end < length && parent;) {
        std::size_t start = end;
        while (start < length && path[start] == '/') start++;
        end = start;
        while (end < length && path[end] != '/') end++;
        if (start == end) break;
        if (end - start > longest_name) {
            sys::close(parent.value());
            return SysResult<int>::failure(ENAMETOOLONG);
        }
        std::memcpy(prefix, path, end);
        prefix[end] = '\0';
        auto next = open_in_root(root, prefix, no_links);
        if (!next && next.error() == ENOENT) {
            std::size_t rest = end;
            while (rest < length && path[rest] == '/') rest++;
            const bool is_last = rest == length;
            next = make_missing(parent.value(), prefix + start, !is_last || last == Missing::directory,
                                is_last ? mode : mode_t{0755});
        }
        sys::close(parent.value());
        parent = next;
    }
    return parent;
}

SysStatus write_all(int fd, const void* bytes, std::size_t size) noexcept {
    const auto* next = static_cast<const char*>(bytes);
    while (size > 0) {
        const long n = sys::call(SYS_write, fd, next, size);
        if (n == -EINTR) continue;
        if (n < 0) return SysStatus::failure(static_cast<int>(-n));
        next += n;
        size -= static_cast<std::size_t>(n);
    }
    return SysStatus::success();
}

bool is_same_file(int a, int b) noexcept {
    struct stat first {};
    struct stat second {};
    return sys::fstat(a, first) && sys::fstat(b, second) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

bool is_directory(int fd) noexcept {
    struct stat info {};
    return sys::fstat(fd, info) && S_ISDIR(info.st_mode);
}

bool is_read_only(int fd) noexcept {
    struct statfs info {};
    return sys::call(SYS_fstatfs, fd, &info) == 0 && (info.f_flags & ST_RDONLY) != 0;
}

}  // namespace minirun::kernel
