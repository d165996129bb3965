// Our filters beside libseccomp's, for profiles of which libseccomp makes right ones: one rule for a system call.
#include <doctest/doctest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "base/fd.hpp"
#include "seccomp_calls.hpp"
#include "security/default_seccomp.hpp"
#include "security/seccomp.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

struct Release {
    void operator()(void* context) const noexcept { seccomp_release(context); }
};

scmp_arg_cmp comparison(const ArgumentTest& test) {
    constexpr scmp_compare compares[] = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                         SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};
    return {test.index, compares[static_cast<int>(test.op)], test.value, test.value_two};
}

/// libseccomp's filter, with the rules of each system call that has one rule only.
std::vector<sock_filter> of_libseccomp(const SeccompProfile& profile, const std::map<int, int>& rules_of_call) {
    seccomp_api_set(6);
    const std::unique_ptr<void, Release> context(seccomp_init(profile.default_action));
    REQUIRE(context);
    REQUIRE(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0);
    for (const auto& rule : profile.rules) {
        for (const auto& name : rule.names) {
            const auto number = syscall_number(name);
            if (!number || rules_of_call.at(*number) != 1 || rule.action == profile.default_action) continue;
            std::vector<scmp_arg_cmp> tests;
            for (const auto& test : rule.any_of[0]) tests.push_back(comparison(test));
            REQUIRE(seccomp_rule_add_exact_array(context.get(), rule.action, *number,
                                                 static_cast<unsigned>(tests.size()), tests.data()) == 0);
        }
    }
    const Fd file(::memfd_create("oracle", MFD_CLOEXEC));
    REQUIRE(seccomp_export_bpf(context.get(), file.get()) == 0);
    const auto size = ::lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    REQUIRE(::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) == size);
    return program;
}

/// Compares the answers for every call that has at most one rule, and returns how many calls that were.
int compare(std::string_view text, const std::vector<std::string>& capabilities, unsigned seed) {
    const auto profile = read_seccomp_profile(text, "oracle", capabilities, oldest_kernel);
    std::map<int, int> rules_of_call;
    for (const auto& rule : profile.rules)
        for (const auto& name : rule.names)
            if (const auto number = syscall_number(name)) rules_of_call[*number]++;
    const auto theirs = of_libseccomp(profile, rules_of_call);
    const auto ours = compile_seccomp(text, "oracle", capabilities, oldest_kernel).program;
    std::mt19937 random(seed);
    const std::uint64_t values[] = {0, 1, 5, 0xff, 0xffffffff, 0x100000000, 0x100000005, UINT64_MAX};
    int compared = 0;
    for (const auto& known : known_syscalls()) {
        const int number = known.number;
        if (rules_of_call[number] > 1) continue;
        compared++;
        for (int i = 0; i < 8; i++) {
            const auto data = call(number, values[random() % 8], values[random() % 8], values[random() % 8]);
            CAPTURE(known.name);
            REQUIRE(evaluate(ours, data) == evaluate(theirs, data));
        }
    }
    return compared;
}

}  // namespace

TEST_CASE("seccomp oracle: the default profile") {
    CHECK(compare(default_seccomp_profile(), {"CAP_SYS_CHROOT"}, 1) > 300);
    CHECK(compare(default_seccomp_profile(), {"CAP_SYS_ADMIN", "CAP_BPF"}, 2) > 300);
    CHECK(compare(default_seccomp_profile(), {}, 3) > 300);
}

TEST_CASE("seccomp oracle: random profiles") {
    const char* actions[] = {R"("SCMP_ACT_ALLOW")",        R"("SCMP_ACT_LOG")",
                             R"("SCMP_ACT_KILL_PROCESS")", R"("SCMP_ACT_ERRNO", "errnoRet": 22)",
                             R"("SCMP_ACT_TRAP")",         R"("SCMP_ACT_TRACE")"};
    const char* operators[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
    const auto all = known_syscalls();
    for (unsigned seed = 0; seed < 4; seed++) {
        std::mt19937 random(seed);
        std::vector<std::string> rules;
        for (const auto& [number, name] : all) {
            if (random() % 4 == 0 && number != all.back().number) continue;
            std::vector<std::string> tests;
            for (unsigned index = 0; random() % 4 == 0 && index < 3; index++) {
                const auto value = random() % 3 == 0 ? 0x100000005 : 5;
                tests.push_back(cat(R"({"index": )", index, R"(, "op": "SCMP_CMP_)", operators[random() % 7],
                                    R"(", "value": )", value, R"(, "valueTwo": 5})"));
            }
            rules.push_back(cat(R"({"names": [")", name, R"("], "action": )", actions[random() % 6], R"(, "args": [)",
                                join(tests, ","), "]}"));
        }
        for (const auto* action : {"SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_ACT_KILL_THREAD"}) {
            CAPTURE(seed);
            CHECK(compare(cat(R"({"defaultAction": ")", action, R"(", "syscalls": [)", join(rules, ","), "]}"), {},
                          seed) > 300);
        }
    }
}
