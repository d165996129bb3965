// minirun-init as a file that can be executed, and that nobody can write to.
#pragma once

#include "base/fd.hpp"

namespace minirun {

/// A sealed file in memory with the program in it, made at the first call (memfd_create(2)). Empty where there is none:
/// the kernel allows no such files to be executed (vm.memfd_noexec), or this is a build with sanitizers.
const Fd& init_program() noexcept;

}  // namespace minirun
