#include "launch/mini_init.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/credentials.hpp"
#include "kernel/process.hpp"

namespace minirun {
namespace {

// 128+n, as shells report a signal.
int exit_code_of(int status) noexcept { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Reaps all that has ended; exits when the main child is among it.
void reap(pid_t main_child) noexcept {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == main_child) kernel::exit_now(exit_code_of(status));
}

// /proc/1/cmdline is open to everybody inside, and it is minirun's own command line: options, host paths and all. The
// strings of argv lie in front of those of environ (unless the program has moved its environment: then it stays).
void hide_command_line() noexcept {
    char* const start = program_invocation_name;
    if (environ == nullptr || *environ <= start || *environ - start > 128L * 1024) return;
    std::memset(start, 0, static_cast<std::size_t>(*environ - start));
    constexpr char name[] = "minirun-init";
    if (static_cast<std::size_t>(*environ - start) >= sizeof name) std::memcpy(start, name, sizeof name);
}

}  // namespace

void run_mini_init(pid_t child) noexcept {
    // This process still has minirun's program and memory: non-dumpable, nobody inside can look at /proc/1/exe or
    // /proc/1/mem, nor write to the program through it (CVE-2019-5736).
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ::prctl(PR_SET_NAME, "minirun-init", 0, 0, 0);
    hide_command_line();
    // All that it ever needs is to signal a child of another user.
    constexpr std::uint64_t only_kill = 1u << CAP_KILL;
    (void)kernel::set_capabilities(only_kill, only_kill, 0);
    (void)kernel::set_no_new_privileges();
    // The report socket among them: the parent waits for its end of file.
    syscall(SYS_close_range, 0u, ~0u, 0);

    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    while (true) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        if (signal == SIGCHLD)
            reap(child);
        else if (signal > 0)
            ::kill(child, signal);
    }
}

}  // namespace minirun
