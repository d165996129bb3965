// Files by descriptor, resolved inside a root. No exceptions: the child runs with these.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

/// Opens `path` below `root` as an O_PATH descriptor, as if `root` were "/": neither "..", nor absolute symbolic links,
/// nor magic links lead out of it (openat2(2), RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). "" is the root itself. With
/// `no_links` any symbolic link on the way is ELOOP.
SysResult<int> open_in_root(int root, const char* path, bool no_links = false) noexcept;

/// The same, and what is missing on the way is made: directories (0755), and at the end a directory of `mode` or
/// an empty file. A dangling symbolic link on the way is ENOENT: nothing is made through it.
enum class Missing { directory, file };
SysResult<int> open_or_make_in_root(int root, const char* path, Missing last, mode_t mode,
                                    bool no_links = false) noexcept;

/// Writes all bytes.
SysStatus write_all(int fd, const void* bytes, std::size_t size) noexcept;

bool is_directory(int fd) noexcept;
bool is_same_file(int a, int b) noexcept;
/// Whether the file system or the mount that it is on cannot be written to.
bool is_read_only(int fd) noexcept;

}  // namespace minirun::kernel
