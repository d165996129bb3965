// What of a file is in memory.
#pragma once

#include <cstdint>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

/// Bytes of this file of `size` bytes that the page cache has, in whole pages: cachestat(2) (Linux 6.5), before that
/// mincore(2). Who reads a file through an overlay reads the layer's own: there is no other copy of it.
SysResult<std::uint64_t> cached_bytes(int fd, std::uint64_t size) noexcept;

/// The same by mincore(2) alone.
SysResult<std::uint64_t> cached_bytes_by_mincore(int fd, std::uint64_t size) noexcept;

}  // namespace minirun::kernel
