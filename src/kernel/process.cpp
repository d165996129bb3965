#include "kernel/process.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "kernel/files.hpp"
#include "kernel/proc_path.hpp"
#include "kernel/system_call.hpp"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace minirun::kernel {
namespace {

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

std::int64_t nanoseconds(const timeval& time) noexcept { return time.tv_sec * 1'000'000'000 + time.tv_usec * 1000; }

void into_cgroup(clone_args& args, int cgroup) noexcept {
    if (cgroup < 0) return;
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<unsigned>(cgroup);
}

// Where clone3 is not to be had. A child that cannot get there must not go on without its limits.
void move_into_cgroup(int cgroup) noexcept {
    const auto file = sys::openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (!file || !sys::status(SYS_write, file.value(), "0", 1ul)) exit_now(125);
    sys::close(file.value());
}

constexpr std::size_t kernel_mask_size = 8;  // of libc's larger sigset_t, the beginning

// By a process's directory in procfs: it is gone, or a zombie. The state is what follows the name, which may hold
// anything but is at most 64 bytes long.
bool has_ended(int directory) noexcept {
    const auto file = sys::openat(directory, "stat", O_RDONLY | O_CLOEXEC);
    if (!file) return file.error() == ENOENT || file.error() == ESRCH;
    char text[128];
    const long size = sys::call(SYS_read, file.value(), text, sizeof text - 1);
    sys::close(file.value());
    if (size <= 0) return true;
    text[size] = '\0';
    const char* name_end = std::strrchr(text, ')');
    return name_end != nullptr && (name_end[2] == 'Z' || name_end[2] == 'X');
}

}  // namespace

SysResult<Cloned> clone_process(std::uint64_t flags, int cgroup) noexcept {
    Cloned cloned;
    clone_args args{};
    args.flags = flags | CLONE_PIDFD;
    into_cgroup(args, cgroup);
    args.pidfd = reinterpret_cast<std::uintptr_t>(&cloned.pidfd);
    args.exit_signal = SIGCHLD;
    auto pid = sys::value(SYS_clone3, &args, sizeof args);
    if (pid.error() == ENOSYS && (flags & CLONE_NEWTIME) == 0) {
        pid = sys::value(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, nullptr, &cloned.pidfd, nullptr, nullptr);
        if (pid && pid.value() == 0 && cgroup >= 0) move_into_cgroup(cgroup);
    }
    if (!pid) return SysResult<Cloned>::failure(pid.error());
    cloned.pid = pid.value();
    return SysResult<Cloned>::success(cloned);
}

SysResult<Cloned> clone_process_in_memory(std::uint64_t flags, std::span<std::byte> stack, void (*run)(void*),
                                          void* argument, int cgroup) noexcept {
    Cloned cloned;
    clone_args args{};
    args.flags = flags | CLONE_PIDFD | CLONE_VM;
    into_cgroup(args, cgroup);
    args.pidfd = reinterpret_cast<std::uintptr_t>(&cloned.pidfd);
    args.exit_signal = SIGCHLD;
    args.stack = reinterpret_cast<std::uintptr_t>(stack.data());
    args.stack_size = stack.size();
    const long pid = sys::clone3_on_stack(&args, sizeof args, run, argument);
    if (pid < 0) return SysResult<Cloned>::failure(static_cast<int>(-pid));
    cloned.pid = static_cast<pid_t>(pid);
    return SysResult<Cloned>::success(cloned);
}

SysResult<ProcessEnd> wait_pidfd(int pidfd) noexcept {
    siginfo_t info{};
    rusage usage{};
    auto waited = SysStatus::failure(EINTR);
    while (waited.error() == EINTR) waited = sys::status(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED, &usage);
    if (!waited) return SysResult<ProcessEnd>::failure(waited.error());
    return SysResult<ProcessEnd>::success(
        {info.si_code != CLD_EXITED, info.si_status, nanoseconds(usage.ru_utime), nanoseconds(usage.ru_stime)});
}

// Before Linux 5.3 a descriptor of its directory in procfs was what pidfd_send_signal(2) took, and it still does.
int open_process(pid_t pid) noexcept {
    auto opened = sys::value(SYS_pidfd_open, pid, 0);
    if (opened.error() == ENOSYS && pid > 0)
        opened = sys::open(ProcPath("/proc/", pid).text(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return opened ? opened.value() : -1;
}

bool await_end(int process, int milliseconds) noexcept {
    if (!is_directory(process)) {
        pollfd ended{process, POLLIN, 0};
        timespec patience{milliseconds / 1000, milliseconds % 1000 * 1000000L};
        return sys::call(SYS_ppoll, &ended, 1, &patience, nullptr, 0) != 0;
    }
    constexpr int pause = 2;
    for (; !has_ended(process); milliseconds -= pause) {
        if (milliseconds <= 0) return false;
        timespec moment{0, pause * 1000000L};  // the call writes what is left of it there
        sys::call(SYS_ppoll, nullptr, 0, &moment, nullptr, 0);
    }
    return true;
}

SysStatus send_signal(int pidfd, int signal) noexcept {
    return sys::status(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

bool is_dumpable() noexcept { return sys::call(SYS_prctl, PR_GET_DUMPABLE) == 1; }

SysStatus set_dumpable(bool dumpable) noexcept { return sys::prctl(PR_SET_DUMPABLE, dumpable); }

SysStatus set_parent_death_signal(int signal) noexcept { return sys::prctl(PR_SET_PDEATHSIG, signal); }

SysStatus close_all_from(unsigned first, int spared, int also_spared) noexcept {
    const int lower = spared < also_spared ? spared : also_spared;
    const int higher = spared < also_spared ? also_spared : spared;
    for (const int one : {lower, higher}) {
        if (one < 0 || static_cast<unsigned>(one) < first) continue;
        const auto number = static_cast<unsigned>(one);
        if (number > first)
            if (const auto closed = sys::status(SYS_close_range, first, number - 1, 0u); !closed) return closed;
        first = number + 1;
    }
    return sys::status(SYS_close_range, first, ~0u, 0u);
}

void reset_signals(const sigset_t& mask) noexcept {
    // The kernel's struct sigaction, not libc's: all zero is SIG_DFL. SIGKILL and SIGSTOP are refused, which is right.
    constexpr struct {
        void* handler;
        unsigned long flags;
        void* restorer;
        std::uint64_t mask;
    } fallback{};
    for (int signal = 1; signal < NSIG; signal++)
        sys::call(SYS_rt_sigaction, signal, &fallback, nullptr, kernel_mask_size);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, kernel_mask_size);
}

std::int64_t monotonic_nanoseconds() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

void exit_now(int code) noexcept {
    while (true) sys::call(SYS_exit_group, code);
}

}  // namespace minirun::kernel
