#include "launch/signals.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

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

// Whether the process neither handles nor ignores the signal: SigCgt and SigIgn in /proc/PID/status.
bool has_default_disposition(pid_t pid, int signal) {
    const auto path = cat("/proc/", pid, "/status");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
    char line[256];
    std::uint64_t taken = 0;
    while (file && std::fgets(line, sizeof line, file.get()) != nullptr) {
        std::uint64_t set = 0;
        if (std::sscanf(line, "SigIgn: %" SCNx64, &set) == 1 || std::sscanf(line, "SigCgt: %" SCNx64, &set) == 1)
            taken |= set;
    }
    return file && (taken >> (signal - 1) & 1) == 0;
}

}  // namespace

SignalsBlocked::SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Fd open_signal_queue() {
    sigset_t all;
    sigfillset(&all);
    Fd queue(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!queue) throw system_error("cannot make a signalfd", errno);
    return queue;
}

bool forward_signal(int pidfd, pid_t pid, int signal, bool is_namespace_init) {
    const bool would_be_lost = is_namespace_init && ends_by_default(signal) && has_default_disposition(pid, signal);
    // ESRCH: it has just ended by itself.
    (void)kernel::send_signal(pidfd, would_be_lost ? SIGKILL : signal);
    return would_be_lost;
}

}  // namespace minirun
