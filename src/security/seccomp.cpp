#include "security/seccomp.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <set>
#include <span>

#include "base/text.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

// Why not libseccomp's compiler, which engines use: it merges the rules for one call into one tree, and 2.5.4 then
// ignores a rule with conditions beside one without, takes "less than 2 or greater than 0x100000000" to hold for 2,
// and never ends for some rules. And it looks at each number by itself: its filters are twice as long, and every start
// of a container pays for the length. Names and numbers are libseccomp's (kernel/syscall_names.cpp), and the tests
// hold its filters against these where it is right.

using Instructions = std::vector<sock_filter>;
using Tests = std::vector<ArgumentTest>;

// What one rule says about one system call.
struct Verdict {
    Tests tests;
    std::uint32_t action;
};
using Verdicts = std::map<int, std::vector<Verdict>>;

// The kernel's order: as signed numbers, the smaller action is the stricter one.
std::int32_t strictness(std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); }

bool denies(std::uint32_t action) { return strictness(action) < strictness(SECCOMP_RET_TRACE); }

// By system call, in the order in which they are to be tried: the strictest first, equals as in the profile.
Verdicts verdicts_of(const SeccompProfile& profile, Abi abi) {
    Verdicts verdicts;
    for (const auto& rule : profile.rules)
        for (const auto& name : rule.names)
            if (const auto number = syscall_number(name, abi))
                for (const auto& tests : rule.any_of) verdicts[*number].push_back({tests, rule.action});
    for (auto& [number, list] : verdicts) {
        std::stable_sort(list.begin(), list.end(),
                         [](const auto& a, const auto& b) { return strictness(a.action) < strictness(b.action); });
        // Nothing behind a verdict without conditions is ever tried.
        const auto certain = std::find_if(list.begin(), list.end(), [](const auto& v) { return v.tests.empty(); });
        if (certain != list.end()) list.erase(certain + 1, list.end());
    }
    return verdicts;
}

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
sock_filter jump(unsigned comparison, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), if_true, if_false, k};
}
sock_filter answer(std::uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter load(std::size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }

void append(Instructions& program, const Instructions& part) {
    program.insert(program.end(), part.begin(), part.end());
}

// Where a test does not hold; mended when it is known how far that is.
constexpr std::uint8_t fails = UINT8_MAX;

// Goes on behind its end if the test holds. Arguments are 64 bits, registers 32: the halves are looked at in turn.
Instructions test_of(const ArgumentTest& test) {
    static_assert(std::endian::native == std::endian::little);
    const auto low = static_cast<std::uint32_t>(test.value), high = static_cast<std::uint32_t>(test.value >> 32);
    const auto low_half = load(offsetof(seccomp_data, args) + std::size_t{8} * test.index);
    const auto high_half = load(offsetof(seccomp_data, args) + std::size_t{8} * test.index + 4);
    switch (test.op) {
        case ArgumentOp::equal:
            return {high_half, jump(BPF_JEQ, high, 0, fails), low_half, jump(BPF_JEQ, low, 0, fails)};
        case ArgumentOp::not_equal:
            return {high_half, jump(BPF_JEQ, high, 0, 2), low_half, jump(BPF_JEQ, low, fails, 0)};
        case ArgumentOp::greater:
        case ArgumentOp::greater_or_equal:
            return {high_half, jump(BPF_JGT, high, 3, 0), jump(BPF_JEQ, high, 0, fails), low_half,
                    jump(test.op == ArgumentOp::greater ? BPF_JGT : BPF_JGE, low, 0, fails)};
        case ArgumentOp::less:
        case ArgumentOp::less_or_equal:
            return {high_half, jump(BPF_JGT, high, fails, 0), jump(BPF_JEQ, high, 0, 2), low_half,
                    jump(test.op == ArgumentOp::less ? BPF_JGE : BPF_JGT, low, fails, 0)};
        case ArgumentOp::masked_equal: break;
    }
    const auto low_wanted = static_cast<std::uint32_t>(test.value_two);
    const auto high_wanted = static_cast<std::uint32_t>(test.value_two >> 32);
    Instructions program;
    if (high != 0)
        program = {high_half, statement(BPF_ALU | BPF_AND | BPF_K, high), jump(BPF_JEQ, high_wanted, 0, fails)};
    if (low != 0)
        append(program, {low_half, statement(BPF_ALU | BPF_AND | BPF_K, low), jump(BPF_JEQ, low_wanted, 0, fails)});
    return program;
}

// Answers if all tests hold, and otherwise goes on behind its end.
Instructions answer_if(const Verdict& verdict) {
    Instructions program;
    for (const auto& test : verdict.tests) append(program, test_of(test));
    program.push_back(answer(verdict.action));
    for (std::size_t i = 0; i < program.size(); i++) {
        if (BPF_CLASS(program[i].code) != BPF_JMP) continue;
        const auto distance = static_cast<std::uint8_t>(program.size() - i - 1);
        if (program[i].jt == fails) program[i].jt = distance;
        if (program[i].jf == fails) program[i].jf = distance;
    }
    return program;
}

// How the filter answers one system call: by its number alone, or by code that looks at the arguments.
Instructions answer_of(const std::vector<Verdict>& verdicts, std::uint32_t default_action) {
    Instructions program;
    for (const auto& verdict : verdicts) append(program, answer_if(verdict));
    if (verdicts.empty() || !verdicts.back().tests.empty()) program.push_back(answer(default_action));
    return program;
}

// The newest system call that the profile's author had in mind, but at least Linux 5.0: what is older has been
// around for every author, and a profile that does not name it means to deny it.
int newest_of(const SeccompProfile& profile, Abi abi) {
    constexpr int last_of_linux_5_0 = 423;
    int newest = last_of_linux_5_0;
    for (const auto& name : profile.all_names) newest = std::max(newest, syscall_number(name, abi).value_or(0));
    return newest;
}

// Consecutive numbers with the same answer, up to the next range.
struct Range {
    std::uint32_t first;
    Instructions program;
};

bool same(const Instructions& a, const Instructions& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
    });
}

void add_range(std::vector<Range>& ranges, std::uint32_t first, Instructions program) {
    if (ranges.empty() || !same(ranges.back().program, program)) ranges.push_back({first, std::move(program)});
}

// The answers for all numbers that a register can hold.
std::vector<Range> ranges_of(const SeccompProfile& profile, Abi abi) {
    const auto verdicts = verdicts_of(profile, abi);
    const auto newest = newest_of(profile, abi);
    const Instructions by_default = {answer(profile.default_action)};
    const Instructions no_such_call = {answer(SECCOMP_RET_ERRNO | ENOSYS)};
    const auto& unknown = denies(profile.default_action) ? no_such_call : by_default;
    std::vector<Range> ranges;
    std::uint32_t next = 0;
    for (const auto& [number, name] : known_syscalls(abi)) {
        if (number > newest) break;
        const auto first = static_cast<std::uint32_t>(number);
        if (first > next) add_range(ranges, next, unknown);  // never given out
        const auto found = verdicts.find(number);
        add_range(ranges, first,
                  found == verdicts.end() ? by_default : answer_of(found->second, profile.default_action));
        next = first + 1;
    }
    add_range(ranges, next, unknown);
#if defined(__x86_64__)
    if (abi == Abi::compat) return ranges;
    // x32 has the audit architecture of x86-64 and numbers with bit 30 set. -1 is none of them: so a tracer skips a
    // call.
    add_range(ranges, 0x40000000, {answer(SECCOMP_RET_KILL_PROCESS)});
    add_range(ranges, UINT32_MAX, unknown);
#endif
    return ranges;
}

// A binary tree over the ranges; needs the number in A.
Instructions tree_of(std::span<const Range> ranges) {
    if (ranges.size() == 1) return ranges[0].program;
    const auto middle = ranges.size() / 2;
    const auto below = tree_of(ranges.first(middle)), above = tree_of(ranges.subspan(middle));
    const auto distance = static_cast<std::uint32_t>(below.size());
    Instructions program;
    if (distance <= UINT8_MAX)
        program = {jump(BPF_JGE, ranges[middle].first, static_cast<std::uint8_t>(distance), 0)};
    else
        program = {jump(BPF_JGE, ranges[middle].first, 0, 1), statement(BPF_JMP | BPF_JA, distance)};
    append(program, below);
    append(program, above);
    return program;
}

// The answers for the system calls of one architecture; goes on behind its end for others. Needs the audit
// architecture in A.
Instructions program_for(std::uint32_t audit_arch, const std::vector<Range>& ranges) {
    Instructions calls = {load(offsetof(seccomp_data, nr))};
    append(calls, tree_of(ranges));
    Instructions program = {jump(BPF_JEQ, audit_arch, 1, 0),
                            statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(calls.size()))};
    append(program, calls);
    return program;
}

Instructions program_of(const SeccompProfile& profile, bool compat) {
    Instructions program = {load(offsetof(seccomp_data, arch))};
    append(program, program_for(native_audit_arch, ranges_of(profile, Abi::native)));
    if (compat) append(program, program_for(compat_audit_arch, ranges_of(profile, Abi::compat)));
    program.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    return program;
}

std::vector<std::string> unknown_names_of(const SeccompProfile& profile) {
    std::set<std::string> unknown;
    for (const auto& name : profile.all_names)
        if (!syscall_number(name)) unknown.insert(name);
    return {unknown.begin(), unknown.end()};
}

}  // namespace

SeccompFilter compile_seccomp(std::string_view profile_text, const std::string& file_name,
                              const std::vector<std::string>& capabilities, KernelVersion kernel, bool compat) {
    const auto profile = read_seccomp_profile(profile_text, file_name, capabilities, kernel);
    SeccompFilter filter{program_of(profile, compat), profile.flags, unknown_names_of(profile)};
    if (profile.notifies) filter.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    if (filter.program.size() > BPF_MAXINSNS)
        throw Error(ErrorKind::unsupported,
                    cat(file_name, ": the profile compiles to ", filter.program.size(),
                        " instructions, and the kernel takes ", BPF_MAXINSNS),
                    "use fewer rules with conditions on arguments");
    return filter;
}

}  // namespace minirun
