// Attacks on processes, and by too many of them.
#include <fcntl.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "hostile.hpp"

namespace payload {
namespace {

// Every process of it goes on forking. "stubborn" does not take no for an answer, and hears no signal.
int fork_bomb(const Words& words) {
    const bool stubborn = words.size() > 1 && words[1] == "stubborn";
    const long bound = bound_of(words, 0, 2000);
    auto& made = shared_counter();
    if (stubborn) ignore_all_signals();
    std::signal(SIGCHLD, SIG_IGN);
    const pid_t first = ::getpid();
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) {
        if (made.fetch_add(1) >= bound) {
            if (::getpid() == first) return went_through(bound, "processes");
            live_long();
        }
        const pid_t pid = ::fork();
        if (pid == 0 && stubborn) ::setsid();
        if (pid >= 0) continue;
        made--;
        if (!stubborn && ::getpid() == first) return stopped(made.load(), "processes");
        ::usleep(10000);
    }
    return 0;
}

int thread_bomb(const Words& words) {
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 65536);
    const auto run = [](void*) -> void* { live_long(); };
    const long bound = bound_of(words, 0, 2000);
    for (long made = 0; made < bound; made++) {
        pthread_t thread;
        errno = ::pthread_create(&thread, &small, run, nullptr);
        if (errno != 0) return stopped(made, "threads");
    }
    return went_through(bound, "threads");
}

// A process that is never the same for long: it forks and ends, which lists of processes do not keep up with.
int comets(const Words&) {
    auto& hops = shared_counter();
    for (int i = 0; i < 4; i++) {
        if (::fork() != 0) continue;
        ::setsid();
        ignore_all_signals();
        const auto end = ::time(nullptr) + longest;
        constexpr long most = 500000;
        while (hops.fetch_add(1) < most && ::time(nullptr) < end)
            if (::fork() > 0) ::_exit(0);
        ::_exit(0);
    }
    std::puts("flying");
    std::fflush(stdout);
    live_long();
}

// Behind a double fork, in sessions of their own, deaf, stopped, or with a tracer; some hold the streams.
void scatter() {
    for (int i = 0; i < 12; i++) {
        const pid_t pid = ::fork();
        if (pid != 0) {
            ::waitpid(pid, nullptr, 0);
            continue;
        }
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        ignore_all_signals();
        if (i % 2 == 0)
            for (int fd = 0; fd < 3; fd++) ::close(fd);
        if (i % 3 == 0) ::kill(::getpid(), SIGSTOP);
        if (i % 3 == 1) {
            const pid_t traced = ::fork();
            if (traced == 0) {
                ::ptrace(PTRACE_TRACEME, 0, 0, 0);
                ::raise(SIGSTOP);
            }
        }
        live_long();
    }
}

int orphans(const Words& words) {
    scatter();
    std::puts("scattered");
    std::fflush(stdout);
    if (words.empty()) return 0;
    if (words[0] == "stop") ::kill(::getpid(), SIGSTOP);
    if (words[0] == "deaf") ignore_all_signals();
    live_long();
}

int deaf(const Words&) {
    ignore_all_signals();
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    live_long();
}

// Stopped for ever, as often as somebody continues it.
int stopped_for_ever(const Words&) {
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) ::kill(::getpid(), SIGSTOP);
    return 0;
}

// All that it may send a signal to, and all that it may not. Only in a pid namespace of its own: who starts it says
// which one is the host's.
int kill_all(const Words&) {
    char here[64] = "";
    const char* of_host = ::getenv("HOSTS_PID_NAMESPACE");
    if (::readlink("/proc/self/ns/pid", here, sizeof here - 1) < 0 || of_host == nullptr ||
        std::string(here) == of_host) {
        std::puts("these would be the host's processes");
        return not_here;
    }
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGSTOP, SIGKILL}) {
        const pid_t victim = ::fork();
        if (victim == 0) live_long();
        const pid_t self = ::getpid(), group = ::getpgrp();
        ::kill(-1, signal);
        for (pid_t pid = 1; pid < (signal == SIGKILL ? 40000 : 300); pid++) {
            if (pid == self || pid == 1) continue;
            ::kill(pid, signal);
            if (pid != group) ::kill(-pid, signal);
            ::syscall(SYS_tgkill, pid, pid, signal);
            const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
            if (fd >= 0) ::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0), ::close(fd);
        }
        int status = 0;
        if (::waitpid(victim, &status, WUNTRACED) != victim) return 1;
        if (WIFSTOPPED(status) ? WSTOPSIG(status) != signal : WTERMSIG(status) != signal) return 1;
        std::printf("the victim got SIG%s\n", signal_name(signal).c_str());
        std::fflush(stdout);
        ::kill(victim, SIGKILL);
        ::waitpid(victim, &status, 0);
    }
    return 0;
}

// Every process that it sees but its own child, for which it has to work.
int ptrace_all(const Words&) {
    const pid_t child = ::fork();
    if (child == 0) live_long();
    if (::ptrace(PTRACE_ATTACH, child, 0, 0) < 0) return 71;
    std::puts("works on its own child");
    Tally tally;
    for (int round = 0; round < 3; round++)
        for (const pid_t pid : visible_processes()) {
            if (pid == child || pid == ::getpid()) continue;
            const auto name = text_of(pid);
            for (const auto request : {PTRACE_ATTACH, PTRACE_SEIZE}) {
                if (tally("ptrace " + name, ::ptrace(request, pid, 0, 0)) < 0) continue;
                ::waitpid(pid, nullptr, __WALL | WNOHANG);
                ::ptrace(PTRACE_DETACH, pid, 0, 0);
            }
            char byte = 0;
            const iovec mine{&byte, 1}, theirs{reinterpret_cast<void*>(0x400000), 1};
            tally("read " + name, ::process_vm_readv(pid, &mine, 1, &theirs, 1, 0));
            tally("write " + name, ::process_vm_writev(pid, &mine, 1, &theirs, 1, 0));
            for (const char* file : {"mem", "exe", "environ", "maps", "cwd/.", "root/.", "auxv"})
                tally("open " + name + "/" + file,
                      ::open(("/proc/" + name + "/" + file).c_str(), O_RDONLY | O_NONBLOCK));
            tally("program of " + name, ::open(("/proc/" + name + "/exe").c_str(), O_WRONLY | O_NONBLOCK));
            const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
            for (int theirs_fd = 0; fd >= 0 && theirs_fd < 16; theirs_fd++)
                tally("descriptor of " + name, ::syscall(SYS_pidfd_getfd, fd, theirs_fd, 0));
            if (fd >= 0) ::close(fd);
        }
    ::kill(child, SIGKILL);
    // There may be nobody else: then there was nothing to be had.
    tally("a process that is not there", ::ptrace(PTRACE_ATTACH, 65000, 0, 0));
    return tally.verdict();
}

constexpr Program programs[] = {
    {"fork-bomb", fork_bomb, 0}, {"thread-bomb", thread_bomb, 0},
    {"comets", comets, 0},       {"orphans", orphans, 0},
    {"deaf", deaf, 0},           {"stopped", stopped_for_ever, 0},
    {"kill-all", kill_all, 0},   {"ptrace-all", ptrace_all, 0},
};

}  // namespace

std::span<const Program> attacks_on_processes() { return programs; }

}  // namespace payload
