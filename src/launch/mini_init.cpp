#include "launch/mini_init.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <string_view>

#include "kernel/credentials.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

// 128+n, as shells report a signal, is an exit code that a program can have of its own, and no more than that fits into
// one. Its name can tell which it was: it is there until this process is reaped, and nobody else may change it.
[[noreturn]] void end_as(int status) noexcept {
    if (!WIFSIGNALED(status)) kernel::exit_now(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    char name[] = "ended by 00";
    static_assert(std::string_view(name_of_the_killed) == "ended by ");
    name[sizeof name - 3] = static_cast<char>('0' + signal / 10);
    name[sizeof name - 2] = static_cast<char>('0' + signal % 10);
    (void)sys::prctl(PR_SET_NAME, name);
    kernel::exit_now(128 + signal);
}

// Reaps all that has ended; exits when the main child is among it.
void reap(pid_t main_child) noexcept {
    int status = 0;
    for (long pid = 0; (pid = sys::call(SYS_wait4, -1, &status, WNOHANG, nullptr)) > 0;)
        if (pid == main_child) end_as(status);
}

// /proc/1/cmdline is open to everybody inside, and it is minirun's own command line: options, host paths and all.
// /proc/1/environ is the host's environment, open to who has CAP_SYS_PTRACE. execve(2) lays the strings of both between
// argv[0] and the program's path.
void hide_command_line_and_environment() noexcept {
    char* const start = program_invocation_name;
    auto* const end = reinterpret_cast<char*>(::getauxval(AT_EXECFN));
    constexpr std::ptrdiff_t most = 6 * 1024 * 1024;  // execve(2) takes no more: three quarters of the usual stack
    constexpr char name[] = "minirun-init";
    if (end - start < static_cast<std::ptrdiff_t>(sizeof name) || end - start > most) return;
    std::memset(start, 0, static_cast<std::size_t>(end - start));
    std::memcpy(start, name, sizeof name);
}

// All that the reaper does from here on. Whoever may trace it (CAP_SYS_PTRACE) gets no more out of it either.
constexpr sock_filter only_reaping[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_audit_arch, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigtimedwait, 8, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 7, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 6, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 5, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 4, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 2),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),  // both processors are little-endian
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_NAME, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

}  // namespace

void keep_out_of_sight() noexcept {
    // This process still has minirun's program and memory: non-dumpable, nobody inside can look at /proc/1/exe or
    // /proc/1/mem, nor write to the program through it (CVE-2019-5736).
    (void)kernel::set_dumpable(false);
    hide_command_line_and_environment();
}

void prepare_mini_init() noexcept {
    // In minirun's session, the kernel would signal it too when somebody types Ctrl-C at minirun's terminal or changes
    // its size, and the container would hear of it twice.
    sys::call(SYS_setsid);
    // Without a pid namespace it would not be the one who gets the orphans.
    (void)sys::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

SysStatus exec_mini_init(int program, pid_t child, int gate) noexcept {
    char number[12];
    char* digit = number + sizeof number - 1;
    *digit = '\0';
    for (; child > 0; child /= 10) *--digit = static_cast<char>('0' + child % 10);
    const char* const arguments[] = {"minirun-init", digit, nullptr};
    const char* const environment[] = {nullptr};
    if (const auto moved = sys::status(SYS_dup3, gate, init_gate, 0); !moved) return moved;
    return sys::status(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
}

void run_mini_init(pid_t child, int gate) noexcept {
    (void)sys::prctl(PR_SET_NAME, "minirun-init");
    // All that it ever needs is to signal a child of another user.
    constexpr std::uint64_t only_kill = 1u << CAP_KILL;
    (void)kernel::limit_bounding_set(0);
    (void)kernel::set_capabilities(only_kill, only_kill, 0);
    (void)kernel::set_no_new_privileges();
    // The report socket among them: the parent waits for its end of file.
    sys::call(SYS_dup3, gate, init_gate, 0);
    sys::call(SYS_close_range, 1, ~0u, 0);

    constexpr std::uint64_t all = ~std::uint64_t{0};
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
    (void)kernel::load_seccomp(only_reaping, std::size(only_reaping), 0);
    sys::call(SYS_close, init_gate);
    while (true) {
        const long signal = sys::call(SYS_rt_sigtimedwait, &all, nullptr, nullptr, sizeof all);
        if (signal == SIGCHLD)
            reap(child);
        else if (signal > 0)
            sys::call(SYS_kill, child, signal);
    }
}

}  // namespace minirun
