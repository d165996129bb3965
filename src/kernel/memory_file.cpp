#include "kernel/memory_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "kernel/system_call.hpp"

namespace minirun::kernel {

SysResult<int> executable_memory_file(const char* name) noexcept {
    constexpr unsigned executable = 0x10;  // MFD_EXEC, since Linux 6.3: vm.memfd_noexec wants it said
    constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    const auto file = sys::value(SYS_memfd_create, name, flags | executable);
    return file.error() == EINVAL ? sys::value(SYS_memfd_create, name, flags) : file;
}

SysStatus seal(int file) noexcept {
    constexpr int mode =
        0x20;  // F_SEAL_EXEC, since Linux 6.3: who gets hold of it cannot take the right to execute it away
    constexpr int content = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    const auto sealed = sys::status(SYS_fcntl, file, F_ADD_SEALS, content | mode);
    return sealed.error() == EINVAL ? sys::status(SYS_fcntl, file, F_ADD_SEALS, content) : sealed;
}

}  // namespace minirun::kernel
