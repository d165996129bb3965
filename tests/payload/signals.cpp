// Processes that live until a signal tells them something. Each prints "ready" when it can be signalled.
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "payload.hpp"

namespace payload {
namespace {

void say(const std::string& line) {
    const auto text = line + "\n";
    if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::exit(74);
}

// Those that other things cause than people.
bool is_told(int signal) { return signal != SIGCHLD && signal != SIGCONT; }

sigset_t all_signals() {
    sigset_t all;
    sigfillset(&all);
    return all;
}

// Takes signals in the order in which they come: `mask` says which are pending here, handled or not.
int tell_signals(const Words& count) {
    const auto all = all_signals();
    say("ready");
    for (auto left = to_number(count.at(0)).value_or(1); left > 0;) {
        const int signal = ::sigwaitinfo(&all, nullptr);
        if (signal < 0 || !is_told(signal)) continue;
        say("got " + signal_name(signal));
        left--;
    }
    return 0;
}

volatile std::sig_atomic_t caught = 0;
void remember(int signal) { caught = signal; }

}  // namespace

std::string signal_name(int signal) {
    if (signal >= SIGRTMIN) return "RTMIN+" + std::to_string(signal - SIGRTMIN);
    const char* name = sigabbrev_np(signal);
    return name != nullptr ? name : std::to_string(signal);
}

int signal_number(const std::string& name) {
    const auto bare = name.starts_with("SIG") ? name.substr(3) : name;
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (bare == signal_name(signal) || bare == std::to_string(signal)) return signal;
    std::fprintf(stderr, "payload: there is no signal %s\n", name.c_str());
    std::exit(64);
}

int wait_for_ever(const Words&) {
    say("ready");
    while (true) ::pause();
}

// Without the parent-death signal: as after setuid(2), which takes it away.
int survive(const Words&) {
    ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    return wait_for_ever({});
}

int ignore_signals(const Words& names) {
    for (const auto& name : names) std::signal(signal_number(name), SIG_IGN);
    return wait_for_ever({});
}

// With handlers, as most programs.
int catch_signals(const Words& count) {
    const auto all = all_signals();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        struct sigaction action {};
        action.sa_handler = remember;
        action.sa_mask = all;
        if (is_told(signal)) ::sigaction(signal, &action, nullptr);
    }
    say("ready");
    for (auto left = to_number(count.at(0)).value_or(1); left > 0; left--) {
        ::sigsuspend(&none);
        say("got " + signal_name(caught));
    }
    return 0;
}

// Blocked and waited for, without handlers: as programs with sigwait(3) or signalfd(2), small inits among them.
int take_signals(const Words& count) {
    const auto all = all_signals();
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    return tell_signals(count);
}

int raise_signal(const Words& name) {
    const int signal = signal_number(name.at(0));
    std::signal(signal, SIG_DFL);
    ::kill(::getpid(), signal);
    say("still alive");  // pid 1 of a namespace is not ended by its own signals
    return 0;
}

int watch_window_size(const Words& changes) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGWINCH);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    for (auto left = to_number(changes.at(0)).value_or(0);; left--) {
        winsize size{};
        ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
        say("size " + std::to_string(size.ws_row) + "x" + std::to_string(size.ws_col));
        if (left == 0) return 0;
        ::sigwaitinfo(&wanted, nullptr);
    }
}

}  // namespace payload
