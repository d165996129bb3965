// Pid 1 of a container with --init.
#pragma once

#include <sys/types.h>

namespace minirun {

/// Reaps every orphan and passes on signals to `child` until it ends; then exits as it did (128+n for a signal n), and
/// the kernel ends what is left of the pid namespace. Runs in the child after clone3: async-signal-safe only.
[[noreturn]] void run_mini_init(pid_t child) noexcept;

}  // namespace minirun
