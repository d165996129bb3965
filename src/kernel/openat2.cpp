#include "kernel/openat2.hpp"

#include <linux/openat2.h>

#include <cerrno>

#include "kernel/system_call.hpp"
#include "kernel/walk.hpp"

namespace minirun::kernel {

SysResult<int> open_beneath(int dirfd, const char* path, std::uint64_t flags, std::uint64_t mode,
                            std::uint64_t resolve) noexcept {
    const open_how how{flags, mode, resolve};
    // Whenever something is mounted or renamed anywhere on the machine, the kernel cannot tell that a ".." has not left
    // the tree (openat2(2)): with many containers at once that is often.
    constexpr int attempts = 1000;
    auto opened = sys::value(SYS_openat2, dirfd, path, &how, sizeof how);
    for (int i = 1; opened.error() == EAGAIN && i < attempts; i++)
        opened = sys::value(SYS_openat2, dirfd, path, &how, sizeof how);
    return opened.error() == ENOSYS ? open_by_walking(dirfd, path, flags, mode, resolve) : opened;
}

}  // namespace minirun::kernel
