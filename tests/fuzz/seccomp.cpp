// A seccomp profile, compiled, against a second reading of the same rules that is too simple to be wrong: try them all.
#include "security/seccomp.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <map>

#include "fuzz.hpp"
#include "kernel/syscall_names.hpp"
#include "security/bpf.hpp"

using namespace minirun;

namespace {

const std::vector<std::string> capabilities = {"CAP_CHOWN", "CAP_SYS_CHROOT"};

bool holds(const ArgumentTest& test, const seccomp_data& call) {
    const auto argument = call.args[test.index];
    switch (test.op) {
        case ArgumentOp::not_equal: return argument != test.value;
        case ArgumentOp::less: return argument < test.value;
        case ArgumentOp::less_or_equal: return argument <= test.value;
        case ArgumentOp::equal: return argument == test.value;
        case ArgumentOp::greater_or_equal: return argument >= test.value;
        case ArgumentOp::greater: return argument > test.value;
        case ArgumentOp::masked_equal: return (argument & test.value) == test.value_two;
    }
    return false;
}

bool fits(const SeccompRule& rule, const std::string& name, const seccomp_data& call) {
    if (std::find(rule.names.begin(), rule.names.end(), name) == rule.names.end()) return false;
    return std::any_of(rule.any_of.begin(), rule.any_of.end(), [&](const auto& tests) {
        return std::all_of(tests.begin(), tests.end(), [&](const auto& test) { return holds(test, call); });
    });
}

std::int32_t strictness(std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); }

// The strictest of the rules that fit, among equals the first; the default if none fits.
std::uint32_t expected(const SeccompProfile& profile, const std::string& name, const seccomp_data& call) {
    std::optional<std::uint32_t> strictest;
    for (const auto& rule : profile.rules)
        if (fits(rule, name, call) && (!strictest || strictness(rule.action) < strictness(*strictest)))
            strictest = rule.action;
    return strictest.value_or(profile.default_action);
}

// Arguments at which the profile's tests change their minds.
std::vector<std::uint64_t> edges(const SeccompProfile& profile) {
    std::vector<std::uint64_t> values = {0, UINT64_MAX};
    for (const auto& rule : profile.rules)
        for (const auto& tests : rule.any_of)
            for (const auto& test : tests)
                for (const auto value : {test.value, test.value_two})
                    values.insert(values.end(), {value, value - 1, value + 1, value ^ (std::uint64_t{1} << 32)});
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (values.size() > 32) values.resize(32);
    return values;
}

void check_named_calls(const SeccompProfile& profile, const SeccompFilter& filter) {
    const auto values = edges(profile);
    for (const auto& name : profile.all_names) {
        const auto number = syscall_number(name);
        if (!number) continue;
        for (std::size_t i = 0; i < values.size(); i++) {
            seccomp_data call{*number, native_audit_arch, 0, {}};
            // All arguments alike, and all different.
            for (std::size_t k = 0; k < std::size(call.args); k++) call.args[k] = values[i];
            fuzz::promise(evaluate(filter.program, call) == expected(profile, name, call),
                          "the strictest rule decides");
            for (std::size_t k = 0; k < std::size(call.args); k++) call.args[k] = values[(i + k) % values.size()];
            fuzz::promise(evaluate(filter.program, call) == expected(profile, name, call),
                          "the strictest rule decides");
        }
    }
}

void check_foreign_calls(const SeccompFilter& filter) {
    const auto answer = [&](int number, std::uint32_t architecture) {
        return evaluate(filter.program, seccomp_data{number, architecture, 0, {}});
    };
    for (const int number : {0, 1, 59, 400, 100000, -1})
        fuzz::promise(answer(number, AUDIT_ARCH_I386) == SECCOMP_RET_KILL_PROCESS, "other architectures are killed");
#if defined(__x86_64__)
    for (const int number : {0, 1, 59, 520})
        fuzz::promise(answer(number | 0x40000000, native_audit_arch) == SECCOMP_RET_KILL_PROCESS, "x32 is killed");
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto filter =
        fuzz::unless_refused([&] { return compile_seccomp(text, "profile.json", capabilities, oldest_kernel); });
    if (!filter) return 0;
    fuzz::promise(!filter->program.empty() && filter->program.size() <= BPF_MAXINSNS, "the kernel takes the length");
    const auto profile = read_seccomp_profile(text, "profile.json", capabilities, oldest_kernel);
    check_named_calls(profile, *filter);
    check_foreign_calls(*filter);
    return 0;
}
