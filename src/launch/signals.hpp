// Signals on the way from whoever runs minirun to the container.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/fd.hpp"

namespace minirun {

/// All signals of this thread blocked, until the end of the scope.
class SignalsBlocked {
public:
    SignalsBlocked();
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    /// The mask as it was.
    const sigset_t& before() const { return before_; }

private:
    sigset_t before_{};
};

/// Undoes that a caller ignores SIGCHLD, which the program inherits: the kernel would reap children by itself, and
/// nobody would hear how they ended.
void hear_of_children() noexcept;

/// One that ends minirun and waits to be taken: SIGTERM, SIGINT, SIGHUP or SIGQUIT; 0 if there is none. Blocked as they
/// are, they say only so that what takes long is to be given up.
int pending_end_signal() noexcept;
/// Takes those that wait: they have been heeded.
void take_end_signals() noexcept;

/// A signalfd(2) for all signals.
Fd open_signal_queue();

/// Passes a signal on to the container's first process.
///
/// Pid 1 of a pid namespace gets no signal that it has no handler for, not even SIGTERM (pid_namespaces(7)): Ctrl-C
/// would do nothing to `minirun run busybox-bundle sleep 100`. Where the signal's default is to end the process, that
/// is what happens here too: SIGKILL is sent in its place. Returns whether it was.
bool forward_signal(int pidfd, pid_t pid, int signal, bool is_namespace_init);

}  // namespace minirun
