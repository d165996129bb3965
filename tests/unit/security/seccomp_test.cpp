#include "security/seccomp.hpp"

#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>
#include <random>

#include "seccomp_calls.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

std::vector<sock_filter> compile(std::string_view default_action, std::string_view rules,
                                 const std::vector<std::string>& capabilities = {}) {
    return compile_seccomp(cat(R"({"defaultAction": ")", default_action, R"(", "syscalls": [)", rules, "]}"), "p.json",
                           capabilities)
        .program;
}

std::string argument(unsigned index, std::string_view op, std::uint64_t value, std::uint64_t value_two = 0) {
    return cat(R"({"index": )", index, R"(, "op": "SCMP_CMP_)", op, R"(", "value": )", value, R"(, "valueTwo": )",
               value_two, "}");
}

}  // namespace

TEST_CASE("seccomp: an allow list") {
    const auto filter = compile("SCMP_ACT_ERRNO", R"({"names": ["read", "futex_wait"], "action": "SCMP_ACT_ALLOW"})");
    CHECK(evaluate(filter, call("read")) == allow);
    CHECK(evaluate(filter, call("futex_wait")) == allow);
    CHECK(evaluate(filter, call("write")) == fail(EPERM));
}

TEST_CASE("seccomp: a deny list") {
    const auto filter = compile("SCMP_ACT_ALLOW", R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
                                                     {"names": ["write"], "action": "SCMP_ACT_KILL_PROCESS"},
                                                     {"names": ["open", "openat"], "action": "SCMP_ACT_LOG"},
                                                     {"names": ["close"], "action": "SCMP_ACT_TRAP"},
                                                     {"names": ["fork", "clone"], "action": "SCMP_ACT_TRACE", "errnoRet": 9}
                                                     )");
    CHECK(evaluate(filter, call("read")) == fail(EIO));
    CHECK(evaluate(filter, call("write")) == killed);
    CHECK(evaluate(filter, call("openat")) == SECCOMP_RET_LOG);
    CHECK(evaluate(filter, call("close")) == SECCOMP_RET_TRAP);
    CHECK(evaluate(filter, call("clone")) == (SECCOMP_RET_TRACE | 9));
    CHECK(evaluate(filter, call("getpid")) == allow);
}

TEST_CASE("seccomp: other architectures are killed, whatever the profile lists") {
    for (const auto* action : {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG"}) {
        CAPTURE(action);
        const auto filter =
            compile_seccomp(cat(R"({"defaultAction": ")", action, R"(", "architectures": ["SCMP_ARCH_X86",
                                                "SCMP_ARCH_X32", "SCMP_ARCH_ARM"],
                                                "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRAP"}]})"),
                            "p.json", {})
                .program;
        for (const unsigned arch : {AUDIT_ARCH_I386 + 0u, AUDIT_ARCH_ARM + 0u, AUDIT_ARCH_RISCV64 + 0u, 0u}) {
            for (const int number : {0, 1, 3, 102, 1000, -1}) {
                auto data = call(number);
                data.arch = arch;
                CHECK(evaluate(filter, data) == killed);
            }
        }
    }
}

#if defined(__x86_64__)
TEST_CASE("seccomp: x32 is killed, the -1 of tracers is not") {
    constexpr int x32_bit = 0x40000000;
    for (const auto* action : {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}) {
        const auto filter = compile(action, R"({"names": ["read"], "action": "SCMP_ACT_TRAP"})");
        for (const int number : {x32_bit, x32_bit | 1, x32_bit | 520, INT32_MAX, INT32_MIN, -2}) {
            CAPTURE(number);
            CHECK(evaluate(filter, call(number)) == killed);
        }
    }
    CHECK(evaluate(compile("SCMP_ACT_ERRNO", ""), call(-1)) == fail(ENOSYS));
    CHECK(evaluate(compile("SCMP_ACT_ALLOW", ""), call(-1)) == allow);
}

TEST_CASE("seccomp: numbers that were never given out are ENOSYS") {
    const auto filter = compile("SCMP_ACT_ERRNO", R"({"names": ["read", "futex_waitv"], "action": "SCMP_ACT_ALLOW"})");
    for (const int number : {337, 387, 400, 423}) CHECK(evaluate(filter, call(number)) == fail(ENOSYS));
    CHECK(evaluate(filter, call("uprobe")) == fail(EPERM));
    CHECK(evaluate(filter, call("pidfd_send_signal")) == fail(EPERM));
}
#endif

TEST_CASE("seccomp: what is newer than the profile is ENOSYS, as in runc") {
    const auto filter = compile("SCMP_ACT_ERRNO", R"({"names": ["read", "openat2"], "action": "SCMP_ACT_ALLOW"},
                                                     {"names": ["faccessat2"], "action": "SCMP_ACT_ALLOW",
                                                      "includes": {"caps": ["CAP_BPF"]}})");
    CHECK(evaluate(filter, call("openat2")) == allow);
    // Not in the filter, but its author knew it.
    CHECK(evaluate(filter, call("faccessat2")) == fail(EPERM));
    CHECK(evaluate(filter, call("process_madvise")) == fail(ENOSYS));
    CHECK(evaluate(filter, call("fchmodat2")) == fail(ENOSYS));
    CHECK(evaluate(filter, call(0x3fffffff)) == fail(ENOSYS));
}

TEST_CASE("seccomp: a profile that names old calls only denies the others of its time") {
    for (const auto& [action, result] : {std::pair{"SCMP_ACT_ERRNO", fail(EPERM)}, {"SCMP_ACT_KILL_PROCESS", killed}}) {
        const auto filter = compile(action, R"({"names": ["read"], "action": "SCMP_ACT_ALLOW"})");
        CHECK(evaluate(filter, call("rseq")) == result);
        CHECK(evaluate(filter, call("execveat")) == result);
        CHECK(evaluate(filter, call("clone3")) == fail(ENOSYS));
    }
}

TEST_CASE("seccomp: no ENOSYS where the default lets through") {
    for (const auto* action : {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"})
        CHECK(evaluate(compile(action, ""), call(5000)) ==
              (action == std::string_view("SCMP_ACT_LOG") ? SECCOMP_RET_LOG : allow));
    CHECK(evaluate(compile("SCMP_ACT_TRACE", ""), call(5000)) == (SECCOMP_RET_TRACE | 1));
}

TEST_CASE("seccomp: a rule that denies some arguments works beside one that allows the call") {
    const auto deny = cat(R"({"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "args": [)",
                          argument(1, "MASKED_EQ", 0xffffffff, TIOCSTI), "]}");
    const std::string permit = R"({"names": ["ioctl", "read"], "action": "SCMP_ACT_ALLOW"})";
    for (const auto& rules : {cat(deny, ',', permit), cat(permit, ',', deny)}) {
        const auto filter = compile("SCMP_ACT_ERRNO", rules);
        CHECK(evaluate(filter, call("ioctl", 0, TIOCSTI)) == fail(EPERM));
        CHECK(evaluate(filter, call("ioctl", 0, 0xffffffff00000000 | TIOCSTI)) == fail(EPERM));
        CHECK(evaluate(filter, call("ioctl", 0, 0x100000000 | TIOCSTI)) == fail(EPERM));
        CHECK(evaluate(filter, call("ioctl", 0, TIOCGWINSZ)) == allow);
        CHECK(evaluate(filter, call("ioctl", TIOCSTI, 0)) == allow);
        CHECK(evaluate(filter, call("read")) == allow);
        CHECK(evaluate(filter, call("write")) == fail(EPERM));
    }
}

TEST_CASE("seccomp: the strictest of several actions decides, among equals the first") {
    const auto rules = cat(
        R"({"names": ["kill", "tkill"], "action": "SCMP_ACT_ALLOW"},
                              {"names": ["kill"], "action": "SCMP_ACT_LOG", "args": [)",
        argument(0, "GT", 10), "]},", R"({"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [)",
        argument(0, "GT", 20), "]},", R"({"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [)",
        argument(0, "GT", 15), "]},", R"({"names": ["kill", "tkill"], "action": "SCMP_ACT_KILL_PROCESS", "args": [)",
        argument(0, "GT", 30), "]}");
    const auto filter = compile("SCMP_ACT_ERRNO", rules);
    CHECK(evaluate(filter, call("kill", 10)) == allow);
    CHECK(evaluate(filter, call("kill", 11)) == SECCOMP_RET_LOG);
    CHECK(evaluate(filter, call("kill", 16)) == fail(EIO));
    CHECK(evaluate(filter, call("kill", 21)) == fail(EINVAL));
    CHECK(evaluate(filter, call("kill", 31)) == killed);
    CHECK(evaluate(filter, call("tkill", 30)) == allow);
    CHECK(evaluate(filter, call("tkill", 31)) == killed);
    CHECK(evaluate(filter, call("getpid")) == fail(EPERM));
}

TEST_CASE("seccomp: names that are no system calls here are ignored and listed") {
    const auto filter = compile_seccomp(R"({"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{"names": ["read", "not_yet", "socketcall", "not_yet"], "action": "SCMP_ACT_ALLOW"}]})",
                                        "p.json", {});
    CHECK(filter.unknown_names == std::vector<std::string>{"not_yet", "socketcall"});
    CHECK(filter.flags == SECCOMP_FILTER_FLAG_LOG);
    CHECK(evaluate(filter.program, call("read")) == allow);
}

TEST_CASE("seccomp: a rule that repeats the default or itself does no harm") {
    const auto filter = compile("SCMP_ACT_ERRNO", R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
                                                     {"names": ["write", "write"], "action": "SCMP_ACT_ALLOW"},
                                                     {"names": ["write"], "action": "SCMP_ACT_ALLOW"})");
    CHECK(evaluate(filter, call("read")) == fail(EPERM));
    CHECK(evaluate(filter, call("write")) == allow);
}

TEST_CASE("seccomp: a profile that is too long for the kernel") {
    std::string rules;
    for (int i = 0; i < 1500; i++)
        rules += cat(i > 0 ? "," : "", R"({"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [)",
                     argument(1, "EQ", static_cast<std::uint64_t>(i) << 32 | 1), "]}");
    const auto message = error_of([&] { compile("SCMP_ACT_ERRNO", rules); });
    CHECK(message.starts_with("p.json: the profile compiles to "));
    CHECK(message.ends_with(" instructions, and the kernel takes 4096"));
}

TEST_CASE("seccomp: a bad profile is no filter") {
    CHECK(error_of([] {
              compile("SCMP_ACT_MAYBE", "");
          }).starts_with("p.json: .defaultAction: unknown action 'SCMP_ACT_MAYBE'"));
    CHECK(error_of([] { compile("SCMP_ACT_ALLOW", "", {"CAP_NONE"}); }) == "unknown capability 'CAP_NONE'");
}

// Random profiles, compiled, against what the rules say: a second implementation that is too simple to be wrong in
// the same way.
namespace {

struct RandomRule {
    std::string name;
    std::string action;
    std::uint32_t result;
    std::vector<ArgumentTest> tests;
};

constexpr std::pair<const char*, std::uint32_t> some_actions[] = {
    {R"("SCMP_ACT_ALLOW")", SECCOMP_RET_ALLOW},
    {R"("SCMP_ACT_ALLOW")", SECCOMP_RET_ALLOW},
    {R"("SCMP_ACT_LOG")", SECCOMP_RET_LOG},
    {R"("SCMP_ACT_ERRNO")", SECCOMP_RET_ERRNO | EPERM},
    {R"("SCMP_ACT_ERRNO", "errnoRet": 38)", SECCOMP_RET_ERRNO | ENOSYS},
    {R"("SCMP_ACT_KILL_PROCESS")", SECCOMP_RET_KILL_PROCESS},
    {R"("SCMP_ACT_TRACE", "errnoRet": 3)", SECCOMP_RET_TRACE | 3},
};
constexpr const char* some_calls[] = {"read", "write", "ioctl", "socket", "futex_wait", "getpid"};
constexpr const char* operator_names[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
constexpr std::uint64_t some_values[] = {0,          1,           2,           3,           0xff,
                                         0xffffffff, 0x100000000, 0x100000001, 0x1ffffffff, UINT64_MAX};

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t end) { return engine_() % end; }
    template <class Item, std::size_t size>
    const Item& of(const Item (&items)[size]) {
        return items[below(size)];
    }
    RandomRule rule() {
        const auto& [action, result] = of(some_actions);
        RandomRule rule{of(some_calls), action, result, {}};
        const auto count = below(4);
        for (unsigned index = 0; index < 3 && rule.tests.size() < count; index++) {
            ArgumentTest test{index, static_cast<ArgumentOp>(below(std::size(operator_names))), of(some_values), 0};
            if (test.op == ArgumentOp::masked_equal) test.value_two = of(some_values) & test.value;
            rule.tests.push_back(test);
        }
        return rule;
    }

private:
    std::mt19937 engine_;
};

std::string text_of(const RandomRule& rule) {
    std::vector<std::string> tests;
    for (const auto& test : rule.tests)
        tests.push_back(argument(test.index, operator_names[static_cast<int>(test.op)], test.value, test.value_two));
    return cat(R"({"names": [")", rule.name, R"("], "action": )", rule.action, R"(, "args": [)", join(tests, ","),
               "]}");
}

bool holds(const ArgumentTest& test, const seccomp_data& data) {
    const std::uint64_t value = data.args[test.index];
    switch (test.op) {
        case ArgumentOp::not_equal: return value != test.value;
        case ArgumentOp::less: return value < test.value;
        case ArgumentOp::less_or_equal: return value <= test.value;
        case ArgumentOp::equal: return value == test.value;
        case ArgumentOp::greater_or_equal: return value >= test.value;
        case ArgumentOp::greater: return value > test.value;
        case ArgumentOp::masked_equal: return (value & test.value) == test.value_two;
    }
    return false;
}

std::uint32_t decision(const std::vector<RandomRule>& rules, std::uint32_t default_result, const seccomp_data& data) {
    std::optional<std::uint32_t> best;
    for (const auto& rule : rules) {
        if (syscall_number(rule.name) != data.nr) continue;
        if (!std::all_of(rule.tests.begin(), rule.tests.end(), [&](const auto& t) { return holds(t, data); })) continue;
        const auto order = [](std::uint32_t result) {
            return static_cast<std::int32_t>(result & SECCOMP_RET_ACTION_FULL);
        };
        if (!best || order(rule.result) < order(*best)) best = rule.result;
    }
    return best.value_or(default_result);
}

}  // namespace

TEST_CASE("seccomp: random profiles answer what their rules say") {
    for (unsigned seed = 0; seed < 150; seed++) {
        Random random(seed);
        std::vector<RandomRule> rules(random.below(9));
        for (auto& rule : rules) rule = random.rule();
        const auto& [default_action, default_result] = random.of(some_actions);
        std::vector<std::string> texts;
        for (const auto& rule : rules) texts.push_back(text_of(rule));
        const auto profile = cat(default_action[0] == '"' ? R"({"defaultAction": )" : "", default_action);
        // "errnoRet" of a rule is "defaultErrnoRet" of the profile.
        auto text = cat(profile, R"(, "syscalls": [)", join(texts, ","),
                        R"(,{"names": ["rseq_slice_yield"], "action": "SCMP_ACT_ALLOW"}]})");
        if (const auto at = text.find(R"("errnoRet")"); at < profile.size())
            text.replace(at, 10, R"("defaultErrnoRet")");
        if (texts.empty()) text.replace(text.find("[,"), 2, "[");
        const auto filter = compile_seccomp(text, "random", {}).program;
        CAPTURE(text);
        for (int i = 0; i < 200; i++) {
            const auto data =
                call(random.of(some_calls), random.of(some_values), random.of(some_values), random.of(some_values));
            CAPTURE(i);
            REQUIRE(evaluate(filter, data) == decision(rules, default_result, data));
        }
    }
}
