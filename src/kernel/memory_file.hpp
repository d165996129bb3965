// Programs that are in memory alone: memfd_create(2).
#pragma once

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

/// An empty file, close-on-exec, that can be executed once seal() has closed it. EACCES where vm.memfd_noexec is 2.
SysResult<int> executable_memory_file(const char* name) noexcept;

/// Nobody can write to it any more, nor make it longer or shorter: F_ADD_SEALS, fcntl(2).
SysStatus seal(int file) noexcept;

}  // namespace minirun::kernel
