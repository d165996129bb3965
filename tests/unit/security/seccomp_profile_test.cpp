#include "security/seccomp_profile.hpp"

#include <doctest/doctest.h>

#include "kernel/syscall_names.hpp"
#include "seccomp_calls.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

SeccompProfile read(std::string_view text, const std::vector<std::string>& capabilities = {},
                    KernelVersion kernel = {5, 11}) {
    return read_seccomp_profile(text, "p.json", capabilities, kernel);
}

std::string complaint(std::string_view text) {
    return error_of([&] { read(text); });
}

// A profile with this text as its one rule, and the complaint about it without "p.json: .syscalls[0]".
std::string rule_complaint(std::string_view rule) {
    const auto text = complaint(cat(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)", rule, "]}"));
    constexpr std::string_view start = "p.json: .syscalls[0]";
    return text.starts_with(start) ? text.substr(start.size()) : text;
}

std::string test_complaint(std::string_view test) {
    const auto text = rule_complaint(cat(R"({"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [)", test, "]}"));
    constexpr std::string_view start = ".args[0]";
    return text.starts_with(start) ? text.substr(start.size()) : text;
}

// How many rules are left of one with these further keys.
std::size_t count(std::string_view keys, const std::vector<std::string>& capabilities, KernelVersion kernel = {5, 11}) {
    return read(
               cat(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", )",
                   keys, "}]}"),
               capabilities, kernel)
        .rules.size();
}

constexpr std::string_view known_actions =
    " (known: SCMP_ACT_KILL, SCMP_ACT_KILL_THREAD, SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, "
    "SCMP_ACT_TRACE, SCMP_ACT_LOG, SCMP_ACT_NOTIFY, SCMP_ACT_ALLOW)";

}  // namespace

TEST_CASE("seccomp profile: the engines' form") {
    const auto profile = read(R"({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                    {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": null}],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
            {"name": "ioctl", "action": "SCMP_ACT_TRACE", "errnoRet": 7, "args": [
                {"index": 1, "value": 4294967295, "valueTwo": 21522, "op": "SCMP_CMP_MASKED_EQ"},
                {"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_GE"}]}
        ]})");
    CHECK(profile.default_action == (SECCOMP_RET_ERRNO | 38));
    CHECK(profile.flags == 0);
    REQUIRE(profile.rules.size() == 2);
    CHECK(profile.rules[0].names == std::vector<std::string>{"read", "write"});
    CHECK(profile.rules[0].action == SECCOMP_RET_ALLOW);
    CHECK(profile.rules[0].any_of == std::vector<std::vector<ArgumentTest>>{{}});
    CHECK(profile.rules[1].names == std::vector<std::string>{"ioctl"});
    CHECK(profile.rules[1].action == (SECCOMP_RET_TRACE | 7));
    CHECK(profile.rules[1].any_of ==
          std::vector<std::vector<ArgumentTest>>{
              {{1, ArgumentOp::masked_equal, 0xffffffff, 0x5412}, {0, ArgumentOp::greater_or_equal, UINT64_MAX, 0}}});
    CHECK(profile.all_names == std::vector<std::string>{"read", "write", "ioctl"});
}

TEST_CASE("seccomp profile: the specification's form") {
    const auto profile = read(R"({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_LOONGARCH64"],
        "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        "syscalls": [{"names": ["getcwd", "chmod"], "action": "SCMP_ACT_ERRNO"},
                     {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]})");
    CHECK(profile.default_action == SECCOMP_RET_ALLOW);
    CHECK(profile.flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    REQUIRE(profile.rules.size() == 2);
    CHECK(profile.rules[0].action == fail(EPERM));
    CHECK(profile.rules[1].action == fail(0));
}

TEST_CASE("seccomp profile: every action") {
    const auto action = [](std::string_view name) {
        return read(cat(R"({"defaultAction": ")", name, R"("})")).default_action;
    };
    CHECK(action("SCMP_ACT_KILL") == SECCOMP_RET_KILL_THREAD);
    CHECK(action("SCMP_ACT_KILL_THREAD") == SECCOMP_RET_KILL_THREAD);
    CHECK(action("SCMP_ACT_KILL_PROCESS") == SECCOMP_RET_KILL_PROCESS);
    CHECK(action("SCMP_ACT_TRAP") == SECCOMP_RET_TRAP);
    CHECK(action("SCMP_ACT_ERRNO") == (SECCOMP_RET_ERRNO | EPERM));
    CHECK(action("SCMP_ACT_TRACE") == (SECCOMP_RET_TRACE | EPERM));
    CHECK(action("SCMP_ACT_LOG") == SECCOMP_RET_LOG);
    CHECK(action("SCMP_ACT_ALLOW") == SECCOMP_RET_ALLOW);
}

TEST_CASE("seccomp profile: includes are all needed, one of excludes is enough") {
    CHECK(count(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})", {}) == 0);
    CHECK(count(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})", {"CAP_SYS_ADMIN"}) == 1);
    CHECK(count(R"("includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})", {"CAP_SYS_ADMIN"}) == 0);
    CHECK(count(R"("includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})", {"CAP_SYS_ADMIN", "CAP_BPF"}) == 1);
    CHECK(count(R"("excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})", {"CAP_CHOWN"}) == 1);
    CHECK(count(R"("excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})", {"CAP_BPF"}) == 0);
    CHECK(count(R"("includes": {"arches": ["s390x", "amd64", "arm64"]})", {}) == 1);
    CHECK(count(R"("includes": {"arches": ["s390x"]})", {}) == 0);
    CHECK(count(R"("excludes": {"arches": ["amd64", "arm64"]})", {}) == 0);
    CHECK(count(R"("excludes": {"arches": ["s390", "x86"]})", {}) == 1);
    CHECK(count(R"("includes": {"minKernel": "4.8"})", {}, {4, 8}) == 1);
    CHECK(count(R"("includes": {"minKernel": "4.8"})", {}, {4, 7}) == 0);
    CHECK(count(R"("includes": {"minKernel": "4.8"})", {}, {5, 0}) == 1);
    CHECK(count(R"("excludes": {"minKernel": "5.19"})", {}, {5, 19}) == 0);
    CHECK(count(R"("excludes": {"minKernel": "5.19"})", {}, {5, 18}) == 1);
    CHECK(count(R"("includes": {"caps": ["CAP_BPF"]}, "excludes": {"arches": ["amd64", "arm64"]})", {"CAP_BPF"}) == 0);
    CHECK(count(R"("includes": {"caps": [], "arches": null, "minKernel": ""}, "excludes": null)", {}) == 1);
}

TEST_CASE("seccomp profile: what it depends on, and what its author knew") {
    const auto profile = read(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_CHOWN"]}}]})");
    CHECK(profile.rules.size() == 1);
    CHECK(profile.all_names == std::vector<std::string>{"bpf", "read"});
    CHECK(profile.relevant_capabilities == (std::uint64_t{1} << 39 | 1));
}

TEST_CASE("seccomp profile: one argument tested twice makes alternatives") {
    const auto profile = read(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]})");
    CHECK(profile.rules.at(0).any_of ==
          std::vector<std::vector<ArgumentTest>>{{{0, ArgumentOp::equal, 0, 0}}, {{0, ArgumentOp::equal, 8, 0}}});
}

TEST_CASE("seccomp profile: the mask of capabilities") {
    CHECK(seccomp_capability_mask({}) == 0);
    CHECK(seccomp_capability_mask({"CAP_CHOWN", "kill"}) == (1u | 1u << 5));
    CHECK(error_of([] { seccomp_capability_mask({"CAP_CHOWN", "CAP_NONE"}); }) == "unknown capability 'CAP_NONE'");
}

TEST_CASE("seccomp profile: errors of the document") {
    CHECK(complaint("") == "p.json is empty: expected a JSON document");
    CHECK(complaint("[]") == "p.json: .: expected an object: a seccomp profile");
    CHECK(complaint("{}") == "p.json: .defaultAction: missing");
    CHECK(complaint(R"({"defaultAction": 5})") == "p.json: .defaultAction: expected a string, found the number 5");
    CHECK(complaint(R"({"defaultAction": "ALLOW"})") ==
          cat("p.json: .defaultAction: unknown action 'ALLOW'", known_actions));
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_NOTIFY"})") ==
          "p.json: .defaultAction: cannot be SCMP_ACT_NOTIFY: minirun itself could not tell the listener any more");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscals": []})") == "p.json: .syscals: unknown key");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})") ==
          "p.json: .defaultErrnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}})") ==
          "p.json: .syscalls: expected an array, found an object");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"]})") ==
          "p.json: .flags[0]: unknown flag 'LOG' (known: SECCOMP_FILTER_FLAG_TSYNC, "
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW)");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]})") ==
          "p.json: .architectures[0]: unknown architecture 'SCMP_ARCH_VAX'");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "x", "sub": 1}]})") ==
          "p.json: .archMap[0].sub: unknown key; .archMap[0].architecture: unknown architecture 'x'");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"subArchitectures": ["y"]}]})") ==
          "p.json: .archMap[0].subArchitectures[0]: unknown architecture 'y'");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": ["SCMP_ARCH_X86"]})") ==
          "p.json: .archMap[0]: expected an object: an architecture");
    CHECK(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [], "architectures": []})") ==
          "p.json: .architectures: cannot stand beside archMap: they are two forms of the same thing");
}

TEST_CASE("seccomp profile: a listener is asked") {
    constexpr std::string_view start = R"({"defaultAction": "SCMP_ACT_ALLOW", )";
    const auto with = [&](std::string_view keys, const std::string& name = "mkdir") {
        return cat(start, keys, R"(, "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "syscalls": [{"names": [")",
                   name, R"("], "action": "SCMP_ACT_NOTIFY"}]})");
    };
    const auto profile = read(with(R"("listenerPath": "/run/agent", "listenerMetadata": "x")"));
    CHECK(profile.notifies);
    CHECK(profile.flags == 1 << 5);
    CHECK(profile.rules.at(0).action == SECCOMP_RET_USER_NOTIF);
    const auto listener = read_seccomp_listener(with(R"("listenerPath": "/run/agent", "listenerMetadata": "x")"));
    CHECK(listener.path == "/run/agent");
    CHECK(listener.metadata == "x");

    // The kernel refuses the flag where nobody is asked.
    const auto silent = read(cat(start, R"("flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]})"));
    CHECK_FALSE(silent.notifies);
    CHECK(silent.flags == 0);

    CHECK(complaint(with(R"("listenerPath": "")")) ==
          "p.json: .listenerPath: missing: SCMP_ACT_NOTIFY needs the socket of who is to be asked");
    CHECK(complaint(with(R"("listenerPath": "agent")")) == "p.json: .listenerPath: expected an absolute path");
    CHECK(complaint(with(R"("listenerPath": "/a")", "write")) ==
          "p.json: .syscalls[0].action: cannot be SCMP_ACT_NOTIFY for write: minirun needs it to pass on the listener");
    CHECK(
        complaint(with(R"("listenerPath": "/a")", "recvmsg")) ==
        "p.json: .syscalls[0].action: cannot be SCMP_ACT_NOTIFY for recvmsg: minirun needs it to pass on the listener");
    CHECK(complaint(with(cat(R"("listenerPath": "/)", std::string(107, 'a'), '"'))) ==
          "p.json: .listenerPath: is longer than the path of a Unix socket can be, 107 bytes");
    CHECK(complaint(cat(start, R"("listenerMetadata": "x"})")) ==
          "p.json: .listenerMetadata: is of no use without listenerPath");
}

TEST_CASE("seccomp profile: 32-bit programs are meant too") {
    CHECK(lists_compat_architecture(R"({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]})") == has_compat);
    CHECK(lists_compat_architecture(
              R"({"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]})") ==
          has_compat);
    CHECK_FALSE(lists_compat_architecture(R"({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]})"));
    CHECK_FALSE(lists_compat_architecture("{}"));
}

TEST_CASE("seccomp profile: errors of a rule") {
    CHECK(rule_complaint(R"({"names": ["read"]})") == ".action: missing");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_OK"})") ==
          cat(".action: unknown action 'SCMP_ACT_OK'", known_actions));
    CHECK(rule_complaint(R"({"action": "SCMP_ACT_ALLOW"})") ==
          ".names: missing or empty: a rule without system calls says nothing");
    CHECK(rule_complaint(R"({"names": [], "action": "SCMP_ACT_ALLOW"})") ==
          ".names: missing or empty: a rule without system calls says nothing");
    CHECK(rule_complaint(R"({"names": "read", "action": "SCMP_ACT_ALLOW"})") ==
          ".names: expected an array of strings, found a string");
    CHECK(rule_complaint(R"({"names": ["read", 7], "action": "SCMP_ACT_ALLOW"})") ==
          ".names[1]: expected a string, found the number 7");
    CHECK(rule_complaint(R"({"names": ["read", ""], "action": "SCMP_ACT_ALLOW"})") == ".names: holds an empty name");
    CHECK(rule_complaint(R"({"name": "a", "names": ["read"], "action": "SCMP_ACT_ALLOW"})") ==
          ".name: cannot stand beside names");
    CHECK(rule_complaint(R"({"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "arg": [{"index": 1}]})") ==
          ".arg: unknown key");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096})") ==
          ".errnoRet: expected a whole number from 0 to 4095, found the number 4096");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": "EPERM"})") ==
          ".errnoRet: expected a whole number from 0 to 4095, found a string");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EFOO"})") ==
          ".errno: unknown error 'EFOO'");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS", "errnoRet": 1})") ==
          ".errno: ENOSYS is 38, and .syscalls[0].errnoRet is 1");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1})") ==
          ".errnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_ADMIN"]}})") ==
          ".includes.caps[0]: unknown capability 'CAP_ADMIN'");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": "CAP_BPF"}})") ==
          ".excludes.caps: expected an array, found a string");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"cap": ["CAP_BPF"]}})") ==
          ".excludes.cap: unknown key");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["x86_64"]}})") ==
          ".includes.arches[0]: unknown architecture 'x86_64'");
    CHECK(rule_complaint(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": ["CAP_BPF"]})") ==
          ".includes: expected an object: conditions");
    for (const auto* version : {"4", "4.", "4.8.1", "four.8", " 4.8"}) {
        CAPTURE(version);
        CHECK(rule_complaint(cat(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": ")",
                                 version, R"("}})")) ==
              cat(".includes.minKernel: expected MAJOR.MINOR, found '", version, "'"));
    }
    CHECK(rule_complaint("7") == ": expected an object: a rule");
    CHECK(rule_complaint("null") == ": expected an object: a rule");
}

TEST_CASE("seccomp profile: errors of an argument's test") {
    CHECK(test_complaint("{}") ==
          ".index: missing; .syscalls[0].args[0].value: missing; .syscalls[0].args[0].op: missing");
    CHECK(test_complaint(R"({"index": 6, "value": 0, "op": "SCMP_CMP_EQ"})") ==
          ".index: expected a whole number from 0 to 5, found the number 6");
    CHECK(test_complaint(R"({"index": 0, "value": -1, "op": "SCMP_CMP_EQ"})") ==
          ".value: expected a whole number, found the number -1");
    CHECK(test_complaint(R"({"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"})") ==
          ".value: expected a whole number, found the number 1.5");
    CHECK(test_complaint(R"({"index": 0, "value": 1, "op": "=="})") ==
          ".op: unknown operator '==' (known: SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, "
          "SCMP_CMP_GT, SCMP_CMP_MASKED_EQ)");
    CHECK(test_complaint(R"({"index": 0, "value": 1, "op": "SCMP_CMP_EQ", "value2": 1})") == ".value2: unknown key");
    CHECK(test_complaint(R"({"index": 1, "value": 21522, "valueTwo": 4294967295, "op": "SCMP_CMP_MASKED_EQ"})") ==
          ".valueTwo: has bits outside of value, the mask: the two are probably swapped");
    CHECK(test_complaint("null") == ": expected an object: a test of an argument");
    CHECK(test_complaint("[]") == ": expected an object: a test of an argument");
}

TEST_CASE("seccomp profile: all problems at once") {
    CHECK(complaint(R"({"defaultAction": "X", "syscalls": [{"names": ["a"], "action": "Y"}, {"names": ["b"]}]})") ==
          cat("p.json: .defaultAction: unknown action 'X'", known_actions, "; .syscalls[0].action: unknown action 'Y'",
              known_actions, "; .syscalls[1].action: missing"));
}
