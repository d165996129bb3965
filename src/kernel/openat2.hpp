// openat2(2). No exceptions: the child runs with this.
#pragma once

#include <cstdint>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

/// Opens `path` relative to `dirfd` with O_* `flags`, `mode` for what O_CREAT makes, and RESOLVE_* bits.
SysResult<int> open_beneath(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                            std::uint64_t resolve) noexcept;

}  // namespace minirun::kernel
