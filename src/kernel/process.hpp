// Making, ending and waiting for processes. No exceptions: the child runs with these.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/sys_result.hpp"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace minirun::kernel {

struct Cloned {
    pid_t pid = -1;  ///< 0 in the child
    int pidfd = -1;  ///< in the parent; close-on-exec
};
/// clone3(2) with CLONE_PIDFD and SIGCHLD, like fork(2): without CLONE_VM. Where a filter answers ENOSYS to clone3
/// (container engines do), clone(2).
/// A directory of cgroup v2 is where the process is born (CLONE_INTO_CGROUP): moving it there later stops all forks of
/// the machine for a moment. `cgroup` -1: in the caller's.
SysResult<Cloned> clone_process(std::uint64_t flags, int cgroup = -1) noexcept;
/// The same with CLONE_VM: the child calls `run(argument)` on `stack` in the caller's own memory, until it execs or
/// exits. Nothing is copied, which is most of what a fork costs. `run` must not return, must not touch what the caller
/// may be changing, nor anything of libc that belongs to the thread, such as errno (kernel/system_call.hpp). ENOSYS
/// where a filter refuses clone3.
SysResult<Cloned> clone_process_in_memory(std::uint64_t flags, std::span<std::byte> stack, void (*run)(void*),
                                          void* argument, int cgroup = -1) noexcept;

/// How a process ended.
struct ProcessEnd {
    bool signaled = false;
    int code = 0;  ///< exit code, or the signal's number
    /// Of it and of those that it has waited for.
    std::int64_t user_nanoseconds = 0, system_nanoseconds = 0;
};
/// Waits for the process behind a pidfd and reaps it.
SysResult<ProcessEnd> wait_pidfd(int pidfd) noexcept;
/// A pidfd for any process, or where pidfd_open(2) is not to be had a descriptor that is as good for send_signal() and
/// await_end(), and for nothing else; close-on-exec. -1 if there is no such process.
int open_process(pid_t pid) noexcept;
SysStatus send_signal(int pidfd, int signal) noexcept;
/// Whether the process behind the descriptor of open_process() has ended within this time.
bool await_end(int process, int milliseconds) noexcept;

/// Whether other processes of its user may see into this one. PR_SET_DUMPABLE belongs to the memory: a child that
/// shares it sets it for its parent too, and execve(2) sets it anew.
bool is_dumpable() noexcept;
SysStatus set_dumpable(bool dumpable) noexcept;
/// PR_SET_PDEATHSIG: `signal` when the thread that made this process ends. See prctl(2).
SysStatus set_parent_death_signal(int signal) noexcept;
/// Closes the descriptors from `first` on but for two; -1 is none.
SysStatus close_all_from(unsigned first, int spared, int also_spared = -1) noexcept;

/// Every signal to its default disposition and then the mask to `mask`: an ignored SIGPIPE or a blocked SIGTERM
/// must not reach the container.
void reset_signals(const sigset_t& mask) noexcept;

/// CLOCK_MONOTONIC.
std::int64_t monotonic_nanoseconds() noexcept;

[[noreturn]] void exit_now(int code) noexcept;

}  // namespace minirun::kernel
