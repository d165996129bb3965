// What openat2(2) does, where that is not to be had. No exceptions: the child runs with this.
#pragma once

#include <cstdint>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

/// As openat2(2) with RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS, or none: name by
/// name with openat(2), which never follows a link itself. Whoever renames on the way can make it fail, not lead it
/// out: ".." is not what the kernel finds there, but what the walk came through, looked up from the start again. Takes
/// some links of procfs and securityfs for magic that are none.
SysResult<int> open_by_walking(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                               std::uint64_t resolve) noexcept;

}  // namespace minirun::kernel
