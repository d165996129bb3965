#include "launch/signals.hpp"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr int end_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

bool ends_by_default(int signal) {
    switch (signal) {
        case SIGCHLD:
        case SIGCONT:
        case SIGURG:
        case SIGWINCH:
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU:
        case SIGSTOP:
        case SIGKILL: return false;
        default: return true;
    }
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
File open_of_process(pid_t pid, std::string_view name) {
    return {std::fopen(cat("/proc/", pid, "/", name).c_str(), "re"), std::fclose};
}

// What the process handles, ignores or has blocked: SigCgt, SigIgn and SigBlk in /proc/PID/status, a bit a signal.
std::uint64_t handled_signals(pid_t pid) {
    const auto file = open_of_process(pid, "status");
    std::uint64_t all = 0;
    char line[256];
    while (file && std::fgets(line, sizeof line, file.get()) != nullptr) {
        const std::string_view name(line, std::min(std::strlen(line), std::size_t{6}));
        std::uint64_t set = 0;
        if (name != "SigCgt" && name != "SigIgn" && name != "SigBlk") continue;
        if (std::sscanf(line, "%*[^:]: %" SCNx64, &set) == 1) all |= set;
    }
    return all;
}

// What the process waits for in rt_sigtimedwait(2), as tini and other inits do. Meanwhile the kernel does not show
// these as blocked, though it treats them so.
std::uint64_t awaited_signals(pid_t pid) {
    const auto file = open_of_process(pid, "syscall");
    long number = -1;
    std::uintptr_t address = 0;
    if (!file || std::fscanf(file.get(), "%ld %" SCNxPTR, &number, &address) != 2 || number != SYS_rt_sigtimedwait)
        return 0;
    std::uint64_t set = 0;
    const iovec here{&set, sizeof set};
    const iovec there{reinterpret_cast<void*>(address), sizeof set};
    return ::process_vm_readv(pid, &here, 1, &there, 1, 0) == static_cast<ssize_t>(sizeof set) ? set : 0;
}

// Looked at twice: it may begin or end to wait while we look.
bool would_ignore_as_init(pid_t pid, int signal) {
    const auto taken = handled_signals(pid) | awaited_signals(pid) | handled_signals(pid);
    return (taken >> (signal - 1) & 1) == 0;
}

}  // namespace

SignalsBlocked::SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int pending_end_signal() noexcept {
    sigset_t pending;
    if (::sigpending(&pending) < 0) return 0;
    for (const int signal : end_signals)
        if (::sigismember(&pending, signal) == 1) return signal;
    return 0;
}

void hear_of_children() noexcept {
    struct sigaction as_usual {};
    as_usual.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &as_usual, nullptr);
}

void take_end_signals() noexcept {
    sigset_t all;
    ::sigemptyset(&all);
    for (const int signal : end_signals) ::sigaddset(&all, signal);
    const timespec at_once{};
    while (::sigtimedwait(&all, nullptr, &at_once) > 0) continue;
}

Fd open_signal_queue() {
    sigset_t all;
    sigfillset(&all);
    Fd queue(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!queue) throw system_error("cannot make a signalfd", errno);
    return queue;
}

bool forward_signal(int pidfd, pid_t pid, int signal, bool is_namespace_init) {
    const bool would_be_lost = is_namespace_init && ends_by_default(signal) && would_ignore_as_init(pid, signal);
    // ESRCH: it has just ended by itself.
    (void)kernel::send_signal(pidfd, would_be_lost ? SIGKILL : signal);
    return would_be_lost;
}

}  // namespace minirun
