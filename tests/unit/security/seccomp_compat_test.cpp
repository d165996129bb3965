// --32bit: the system calls of 32-bit programs, under the same profile.
#include <doctest/doctest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "seccomp_calls.hpp"
#include "security/default_seccomp.hpp"
#include "security/seccomp.hpp"

using namespace minirun;
using namespace minirun::test;

#if defined(__x86_64__)
namespace {

std::vector<sock_filter> with_compat() {
    return compile_seccomp(default_seccomp_profile(), "default", {}, running_kernel_version(), true).program;
}

template <class... Arguments>
std::uint32_t answer_32(std::string_view name, Arguments... arguments) {
    auto data = call(syscall_number(name, Abi::compat).value(), arguments...);
    data.arch = compat_audit_arch;
    return evaluate(with_compat(), data);
}

}  // namespace

TEST_CASE("seccomp, 32 bit: numbers are i386's") {
    CHECK(syscall_number("getpid", Abi::compat) == 20);
    CHECK(syscall_number("socket", Abi::compat) == 359);
    CHECK(syscall_number("msgctl", Abi::compat) == 402);
    CHECK(syscall_number("openat2", Abi::compat) == 437);
    CHECK_FALSE(syscall_number("uretprobe", Abi::compat));
}

TEST_CASE("seccomp, 32 bit: what is allowed and denied is the same") {
    CHECK(answer_32("getpid") == allow);
    CHECK(answer_32("socket", AF_INET, SOCK_STREAM, 0) == allow);
    CHECK(answer_32("socket", AF_VSOCK, SOCK_STREAM, 0) != allow);
    CHECK(answer_32("socket", AF_ALG, SOCK_SEQPACKET, 0) != allow);
    CHECK(answer_32("ioctl", 0, TIOCSTI) != allow);
    CHECK(answer_32("keyctl") != allow);
    CHECK(answer_32("bpf") != allow);
    // It hides the address family: there is no telling AF_ALG from AF_INET behind it.
    CHECK(answer_32("socketcall") != allow);
}

TEST_CASE("seccomp, 32 bit: native calls are answered as without, others still kill") {
    const auto with = with_compat();
    const auto without = compile_seccomp(default_seccomp_profile(), "default", {}).program;
    for (const auto& [number, name] : known_syscalls()) {
        CAPTURE(name);
        CHECK(evaluate(with, call(number)) == evaluate(without, call(number)));
    }
    auto x32 = call(0x40000000);
    CHECK(evaluate(with, x32) == killed);
    auto foreign = call(20);
    foreign.arch = AUDIT_ARCH_AARCH64;
    CHECK(evaluate(with, foreign) == killed);
    foreign.arch = compat_audit_arch;
    CHECK(evaluate(without, foreign) == killed);
}
#endif
