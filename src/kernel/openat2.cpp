#include "kernel/openat2.hpp"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace minirun::kernel {

SysResult<int> open_beneath(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                            std::uint64_t resolve) noexcept {
    const open_how how{flags, mode, resolve};
    const long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    return fd < 0 ? SysResult<int>::failure(errno) : SysResult<int>::success(static_cast<int>(fd));
}

}  // namespace minirun::kernel
