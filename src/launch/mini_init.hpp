// Pid 1 of a container with --init: minirun-init, a program of its own (launch/init_program) that is executed from a
// file in memory; or, where there can be no such file, the copy of minirun that the child is. All of it runs in the
// child after clone3: async-signal-safe only.
#pragma once

#include <sys/types.h>

#include "kernel/sys_result.hpp"

namespace minirun {

/// What has to be done before there is a second process. The first for a copy of minirun, which that could look at.
void keep_out_of_sight() noexcept;
void prepare_mini_init() noexcept;

/// Where minirun-init has the gate.
inline constexpr int init_gate = 0;

/// Becomes `program`, minirun-init, which goes on with run_mini_init(). Returns if that fails.
SysStatus exec_mini_init(int program, pid_t child, int gate) noexcept;

/// What the name of this process (/proc/PID/comm) begins with when a signal has ended the main child; the signal's
/// number comes behind it.
inline constexpr const char* name_of_the_killed = "ended by ";

/// Reaps every orphan and passes on signals to `child` until it ends; then exits as it did (128+n for a signal n), and
/// the kernel ends what is left of the pid namespace. `gate` is the writing end of a pipe: it is closed when this
/// process has given up all that it can do without.
[[noreturn]] void run_mini_init(pid_t child, int gate) noexcept;

}  // namespace minirun
