#include "base/interruption.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace minirun {
namespace {

std::atomic<int> noted = 0, event = -1;

void end_at_once(int signal) {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &usual, nullptr);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(signal);
}

void note(int signal) {
    const int error = errno;
    if (noted.exchange(signal) != 0) end_at_once(signal);
    const std::uint64_t one = 1;
    (void)!::write(event, &one, sizeof one);
    errno = error;
}

}  // namespace

void note_interruptions() {
    event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action {};
    action.sa_handler = note;  // without SA_RESTART: what waits is to come back
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        ::sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
    }
}

int interruption() noexcept { return noted; }

void check_interruption() {
    if (noted != 0) throw Interrupted{noted};
}

// Between a look at what is noted and a read(2) the signal could come: the event stays.
void wait_readable(int fd) {
    check_interruption();
    if (event < 0) return;
    pollfd both[] = {{fd, POLLIN, 0}, {event, POLLIN, 0}};
    while (::poll(both, 2, -1) < 0 && errno == EINTR) check_interruption();
    check_interruption();
}

void end_by(int signal) {
    end_at_once(signal);
    constexpr int by_signal = 128;
    ::_exit(by_signal + signal);
}

}  // namespace minirun
