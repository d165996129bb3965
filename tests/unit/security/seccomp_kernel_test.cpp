// The default filter in this kernel: a child loads it and says what system calls answer.
#include <doctest/doctest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "kernel/credentials.hpp"
#include "seccomp_calls.hpp"
#include "security/default_seccomp.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

/// Runs `action` in a child under the default filter: its result, or minus the signal that ended it.
template <class Action>
int under_filter(Action&& action) {
    auto* result =
        static_cast<int*>(::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(result != MAP_FAILED);
    const auto filter = default_seccomp_filter();
    std::cout.flush();  // otherwise a child whose exit flushes (as with a sanitizer) says it again
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (!kernel::set_no_new_privileges().ok() ||
            !kernel::load_seccomp(filter.data(), static_cast<unsigned short>(filter.size()), 0).ok())
            ::_exit(99);
        *result = action();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const int value = WIFSIGNALED(status) ? -WTERMSIG(status) : *result;
    if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
    ::munmap(result, sizeof(int));
    return value;
}

/// The errno of a system call under the filter; 0 if it succeeds.
template <class... Arguments>
int error_under_filter(long number, Arguments... arguments) {
    return under_filter([&] { return ::syscall(number, arguments...) < 0 ? errno : 0; });
}

}  // namespace

TEST_CASE("seccomp in the kernel: the filter loads, and a program goes on") {
    CHECK(error_under_filter(SYS_getpid) == 0);
    CHECK(error_under_filter(SYS_read, -1, nullptr, 0) == EBADF);
    CHECK(under_filter([] {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(7);
              int status = 0;
              return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
          }) == 7);
}

TEST_CASE("seccomp in the kernel: threads start although clone3 is not there") {
    CHECK(error_under_filter(SYS_clone3, nullptr, 0) == ENOSYS);
    CHECK(under_filter([] {
              pthread_t thread;
              const auto run = [](void* argument) { return argument; };
              char mark = 0;
              void* returned = nullptr;
              const int error = ::pthread_create(&thread, nullptr, run, &mark);
              if (error != 0) return error;
              ::pthread_join(thread, &returned);
              return returned == &mark ? 0 : -1;
          }) == 0);
}

TEST_CASE("seccomp in the kernel: sockets") {
    CHECK(error_under_filter(SYS_socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    CHECK(error_under_filter(SYS_socket, AF_INET, SOCK_STREAM, 0) == 0);
    CHECK(error_under_filter(SYS_socket, AF_NETLINK, SOCK_RAW, 0) == 0);
    CHECK(error_under_filter(SYS_socket, AF_NETLINK, SOCK_RAW, 9) == EINVAL);
    for (const int family : {AF_ALG, AF_VSOCK, AF_PACKET, AF_KEY, AF_RXRPC, AF_TIPC}) {
        CAPTURE(family);
        CHECK(error_under_filter(SYS_socket, family, SOCK_SEQPACKET, 0) == EPERM);
        CHECK(error_under_filter(SYS_socket, 0x500000000 | family, SOCK_SEQPACKET, 0) == EPERM);
    }
}

TEST_CASE("seccomp in the kernel: terminal requests are refused before the descriptor is looked at") {
    for (const unsigned long upper : {0ul, 0xffffffff00000000ul, 0x100000000ul})
        CHECK(error_under_filter(SYS_ioctl, -1, upper | TIOCSTI, nullptr) == EPERM);
    CHECK(error_under_filter(SYS_ioctl, -1, TIOCGWINSZ, nullptr) == EBADF);
}

TEST_CASE("seccomp in the kernel: the tools of exploits") {
    CHECK(error_under_filter(SYS_io_uring_setup, 1, nullptr) == EPERM);
    CHECK(error_under_filter(SYS_vmsplice, -1, nullptr, 0, 0) == EPERM);
    CHECK(error_under_filter(SYS_userfaultfd, 0) == EPERM);
    CHECK(error_under_filter(SYS_bpf, 0, nullptr, 0) == EPERM);
    CHECK(error_under_filter(SYS_keyctl, 0, -3, 0) == EPERM);
    CHECK(error_under_filter(SYS_perf_event_open, nullptr, 0, -1, -1, 0) == EPERM);
    CHECK(error_under_filter(SYS_unshare, CLONE_NEWUSER) == EPERM);
    CHECK(error_under_filter(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr) == EPERM);
    CHECK(error_under_filter(SYS_personality, ADDR_NO_RANDOMIZE) == EPERM);
    CHECK(error_under_filter(SYS_personality, 0xffffffff) == 0);
}

TEST_CASE("seccomp in the kernel: unknown numbers") {
    CHECK(error_under_filter(5000) == ENOSYS);
    CHECK(error_under_filter(-1) == ENOSYS);
#if defined(__x86_64__)
    CHECK(error_under_filter(400) == ENOSYS);
#endif
}

#if defined(__x86_64__)
TEST_CASE("seccomp in the kernel: 32-bit and x32 calls kill") {
    CHECK(error_under_filter(0x40000000 | SYS_getpid) == -SIGSYS);
    const auto getpid_32 = [] {
        ::signal(SIGSEGV, SIG_DFL);  // doctest's handler would call it a crash of the test
        long result = 20;
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        return static_cast<int>(result > 0);
    };
    const int status = under_filter(getpid_32);
    // A kernel without 32-bit emulation has no such gate: that is a fault, before any filter.
    if (status == -SIGSEGV)
        MESSAGE("this kernel has no 32-bit system calls");
    else
        CHECK(status == -SIGSYS);
}
#endif
