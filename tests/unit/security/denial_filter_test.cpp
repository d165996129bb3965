#include "security/denial_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "seccomp_calls.hpp"
#include "security/default_seccomp.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

std::uint32_t asked_instead_of_denied(std::uint32_t result) {
    return (result & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? std::uint32_t{SECCOMP_RET_USER_NOTIF} : result;
}

SeccompFilter compiled(std::string_view syscalls, bool compat = false) {
    return compile_seccomp(cat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)", syscalls, "]}"), "p", {},
                           oldest_kernel, compat);
}

std::string refusal(const SeccompFilter& filter) {
    return error_of([&] { check_countable(filter); });
}

}  // namespace

TEST_CASE("denial filter: of the default profile, each call is asked about exactly where it was denied") {
    const auto filter = default_seccomp_filter();
    const auto asking = asking_filter(filter);
    std::set<std::uint32_t> seen;
    for (int number = -2; number < 700; number++) {
        std::set<std::uint32_t> expected;
        for (const auto result : possible_results(filter, number)) expected.insert(asked_instead_of_denied(result));
        if (number == syscall_number("seccomp")) expected.insert(fail(EBUSY));
        const auto got = possible_results(asking, number);
        CHECK(std::set(got.begin(), got.end()) == expected);
        seen.insert(got.begin(), got.end());
    }
    CHECK(seen.contains(SECCOMP_RET_USER_NOTIF));
    CHECK(seen.contains(allow));
}

TEST_CASE("denial filter: no other listener, not even when minirun is gone") {
    const auto asking = asking_filter(default_seccomp_filter());
    constexpr auto listener = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    CHECK(evaluate(asking, call("seccomp", SECCOMP_SET_MODE_FILTER, listener)) == fail(EBUSY));
    CHECK(evaluate(asking, call("seccomp", SECCOMP_SET_MODE_FILTER, listener | 1)) == fail(EBUSY));
    CHECK(evaluate(asking, call("seccomp", SECCOMP_SET_MODE_FILTER, 1)) == allow);
    CHECK(evaluate(asking, call("seccomp", SECCOMP_GET_ACTION_AVAIL, listener)) == allow);
    // The upper half of a register is nothing to the kernel, which takes an unsigned int.
    CHECK(evaluate(asking, call("seccomp", SECCOMP_SET_MODE_FILTER | 1ULL << 32, listener | 1ULL << 40)) ==
          fail(EBUSY));
    if (!has_compat) return;
    const auto with_compat = asking_filter(compiled("", true).program);
    auto compat = call(*syscall_number("seccomp", Abi::compat), SECCOMP_SET_MODE_FILTER, listener);
    compat.arch = compat_audit_arch;
    CHECK(evaluate(with_compat, compat) == fail(EBUSY));
#if defined(__x86_64__)
    auto x32 = call("seccomp", SECCOMP_SET_MODE_FILTER, listener);
    x32.nr |= 0x40000000;
    CHECK(evaluate(with_compat, x32) == fail(EBUSY));
#endif
    // Where filters may not be loaded at all nobody is asked about that in another way.
    const auto refusing = compiled(R"({"names": ["seccomp"], "action": "SCMP_ACT_ERRNO"})");
    CHECK(evaluate(asking_filter(refusing.program), call("seccomp", SECCOMP_SET_MODE_FILTER, listener)) ==
          SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("denial filter: arguments decide as before") {
    const auto filter = default_seccomp_filter();
    const auto asking = asking_filter(filter);
    for (const auto* name : {"socket", "personality", "clone", "ioctl"})
        for (std::uint64_t first = 0; first < 64; first++)
            for (const std::uint64_t second : {0ULL, 0x5412ULL, 0x7e020000ULL, 0x100005412ULL}) {
                const auto data = call(name, first, second, 16);
                CHECK(evaluate(asking, data) == asked_instead_of_denied(evaluate(filter, data)));
            }
}

TEST_CASE("denial filter: other architectures, too; and what kills goes on killing") {
    const auto filter = compiled(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
                                    {"names": ["rmdir"], "action": "SCMP_ACT_KILL_PROCESS"})",
                                 has_compat);
    const auto asking = asking_filter(filter.program);
    auto foreign = call("mkdir");
    foreign.arch = AUDIT_ARCH_MIPS;
    CHECK(evaluate(asking, foreign) == killed);
    CHECK(evaluate(asking, call("rmdir")) == killed);
    CHECK(evaluate(asking, call("mkdir")) == SECCOMP_RET_USER_NOTIF);
    CHECK(evaluate(filter.program, call("mkdir")) == fail(5));
    if (!has_compat) return;
    auto compat = call(*syscall_number("mkdir", Abi::compat));
    compat.arch = compat_audit_arch;
    CHECK(evaluate(asking, compat) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("denial filter: the flags that a kernel has") {
    CHECK(asking_flags({5, 18}) == SECCOMP_FILTER_FLAG_NEW_LISTENER);
    CHECK(asking_flags({5, 19}) == (SECCOMP_FILTER_FLAG_NEW_LISTENER | 1u << 5));
}

TEST_CASE("denial filter: a filter that cannot be counted is refused") {
    CHECK(refusal(compiled(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})")) == "no error");
    CHECK(refusal(compiled(R"({"names": ["recvmsg"], "action": "SCMP_ACT_ERRNO"})")) ==
          "--report-denied: the seccomp profile does not let recvmsg through, which minirun needs to hand over the "
          "filter's listener");
    CHECK(refusal(compiled(R"({"names": ["write"], "action": "SCMP_ACT_KILL_PROCESS",
                               "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_EQ"}]})"))
              .starts_with("--report-denied: the seccomp profile does not let write through"));
    auto notifies = compiled(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"})");
    notifies.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    CHECK(refusal(notifies) ==
          "--report-denied: the seccomp profile has an SCMP_ACT_NOTIFY of its own, and a filter has one listener");
}
