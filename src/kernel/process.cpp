#include "kernel/process.hpp"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace minirun::kernel {

SysResult<Cloned> clone_process(std::uint64_t flags) noexcept {
    Cloned cloned;
    clone_args args{};
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uintptr_t>(&cloned.pidfd);
    args.exit_signal = SIGCHLD;
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0 && errno == ENOSYS && (flags & CLONE_NEWTIME) == 0)
        pid = syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, nullptr, &cloned.pidfd, nullptr, nullptr);
    if (pid < 0) return SysResult<Cloned>::failure(errno);
    cloned.pid = static_cast<pid_t>(pid);
    return SysResult<Cloned>::success(cloned);
}

SysResult<ProcessEnd> wait_pidfd(int pidfd) noexcept {
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED) < 0)
        if (errno != EINTR) return SysResult<ProcessEnd>::failure(errno);
    return SysResult<ProcessEnd>::success({info.si_code != CLD_EXITED, info.si_status});
}

int open_process(pid_t pid) noexcept { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

SysStatus send_signal(int pidfd, int signal) noexcept {
    return sys_status(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

SysStatus set_undumpable() noexcept { return sys_status(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }

SysStatus set_parent_death_signal(int signal) noexcept {
    return sys_status(::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0));
}

SysStatus close_all_from(unsigned first, unsigned spared) noexcept {
    if (spared > first && syscall(SYS_close_range, first, spared - 1, 0u) < 0) return SysStatus::failure(errno);
    return sys_status(syscall(SYS_close_range, spared < first ? first : spared + 1, ~0u, 0u));
}

void reset_signals(const sigset_t& mask) noexcept {
    struct sigaction current {};
    struct sigaction fallback {};
    fallback.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; signal++)
        if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler != SIG_DFL)
            ::sigaction(signal, &fallback, nullptr);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
}

std::int64_t monotonic_nanoseconds() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

void exit_now(int code) noexcept { ::_exit(code); }

}  // namespace minirun::kernel
