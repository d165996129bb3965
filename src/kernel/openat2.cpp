#include "kernel/openat2.hpp"

#include <linux/openat2.h>

#include "kernel/system_call.hpp"

namespace minirun::kernel {

SysResult<int> open_beneath(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                            std::uint64_t resolve) noexcept {
    const open_how how{flags, mode, resolve};
    return sys::value(SYS_openat2, dirfd, path, &how, sizeof how);
}

}  // namespace minirun::kernel
