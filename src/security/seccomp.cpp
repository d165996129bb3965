#include "security/seccomp.hpp"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <set>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

// The values of the actions are the kernel's, so they need no translation.
static_assert(SCMP_ACT_KILL_PROCESS == SECCOMP_RET_KILL_PROCESS && SCMP_ACT_KILL_THREAD == SECCOMP_RET_KILL_THREAD &&
              SCMP_ACT_TRAP == SECCOMP_RET_TRAP && SCMP_ACT_ERRNO(5) == (SECCOMP_RET_ERRNO | 5) &&
              SCMP_ACT_TRACE(5) == (SECCOMP_RET_TRACE | 5) && SCMP_ACT_LOG == SECCOMP_RET_LOG &&
              SCMP_ACT_ALLOW == SECCOMP_RET_ALLOW);

using Instructions = std::vector<sock_filter>;
using Tests = std::vector<ArgumentTest>;

// What one rule says about one system call.
struct Verdict {
    Tests tests;
    std::uint32_t action;
    bool operator==(const Verdict&) const = default;
};
using Verdicts = std::map<int, std::vector<Verdict>>;

// The kernel's order: as signed numbers, the smaller action is the stricter one.
std::int32_t strictness(std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); }

bool denies(std::uint32_t action) { return strictness(action) < strictness(SECCOMP_RET_TRACE); }

// By system call, in the order in which they are to be tried: the strictest first, equals as in the profile.
Verdicts verdicts_of(const SeccompProfile& profile) {
    Verdicts verdicts;
    for (const auto& rule : profile.rules)
        for (const auto& name : rule.names)
            if (const auto number = syscall_number(name))
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

bool has_conditions(const std::vector<Verdict>& verdicts) { return !verdicts.front().tests.empty(); }

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
sock_filter jump(unsigned comparison, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), if_true, if_false, k};
}
sock_filter answer(std::uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter load(std::size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }

void append(Instructions& program, const Instructions& part) {
    program.insert(program.end(), part.begin(), part.end());
}

// Kills other architectures. x32 has the same audit architecture as x86-64 and numbers with bit 30 set; -1 is no
// system call of x32, but how a tracer skips one. Leaves the number in A.
Instructions architecture_checks() {
    Instructions program = {
        load(offsetof(seccomp_data, arch)),
        jump(BPF_JEQ, native_audit_arch, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
        load(offsetof(seccomp_data, nr)),
    };
#if defined(__x86_64__)
    constexpr std::uint32_t x32_bit = 0x40000000;
    append(program, {
                        jump(BPF_JGE, x32_bit, 0, 2),
                        jump(BPF_JEQ, UINT32_MAX, 1, 0),
                        answer(SECCOMP_RET_KILL_PROCESS),
                    });
#endif
    return program;
}

// The newest system call that the profile's author had in mind, but at least Linux 5.0: what is older has been
// around for every author, and a profile that does not name it means to deny it.
int newest_of(const SeccompProfile& profile) {
    constexpr int last_of_linux_5_0 = 423;
    int newest = last_of_linux_5_0;
    for (const auto& name : profile.all_names) newest = std::max(newest, syscall_number(name).value_or(0));
    return newest;
}

// ENOSYS for what is newer, and for numbers below that have never been given out. Needs the number in A.
Instructions unknown_syscall_checks(const SeccompProfile& profile) {
    const auto newest = static_cast<std::uint32_t>(newest_of(profile));
    const auto no_such_call = answer(SECCOMP_RET_ERRNO | ENOSYS);
    Instructions program = {jump(BPF_JGT, newest, 0, 1), no_such_call};
    std::uint32_t next = 0;
    for (const auto& known : known_syscalls()) {
        const auto number = static_cast<std::uint32_t>(known.number);
        if (next > newest) break;
        if (number > next) append(program, {jump(BPF_JGE, next, 0, 2), jump(BPF_JGE, number, 1, 0), no_such_call});
        next = number + 1;
    }
    return program;
}

// Where a test does not hold; mended when it is known how far that is.
constexpr std::uint8_t fails = UINT8_MAX;

// Goes on behind its end if the test holds. Arguments are 64 bits, registers 32: the halves are looked at in turn.
Instructions test_of(const ArgumentTest& test) {
    static_assert(std::endian::native == std::endian::little);
    const auto low = static_cast<std::uint32_t>(test.value), high = static_cast<std::uint32_t>(test.value >> 32);
    const auto low_half = load(offsetof(seccomp_data, args) + 8 * test.index);
    const auto high_half = load(offsetof(seccomp_data, args) + 8 * test.index + 4);
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
Instructions conditional_answer(const Verdict& verdict) {
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

// Answers for the system calls about which the profile says more than one thing, rule by rule. Not by libseccomp: it
// merges several rules for a call into one tree, and 2.5.4 then ignores a rule with conditions beside one without,
// takes "less than 2 or greater than 0x100000000" to hold for 2, and never ends for some rules.
Instructions conditional_rules(const Verdicts& verdicts, std::uint32_t default_action) {
    Instructions program;
    for (const auto& [syscall, list] : verdicts) {
        if (!has_conditions(list)) continue;
        Instructions answers;
        for (const auto& verdict : list) append(answers, conditional_answer(verdict));
        if (!list.back().tests.empty()) answers.push_back(answer(default_action));
        // The distance of a conditional jump is a byte only.
        program.push_back(jump(BPF_JEQ, static_cast<std::uint32_t>(syscall), 1, 0));
        program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(answers.size())));
        append(program, answers);
    }
    return program;
}

// Says what failed. (The messages of libseccomp's functions are errno values.)
void check(int result, const std::string& file, std::string_view task) {
    if (result < 0) throw Error(ErrorKind::system, cat(file, ": libseccomp cannot ", task), "", -result);
}

Instructions exported(scmp_filter_ctx context, const std::string& file) {
    const Fd memory(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!memory) throw Error(ErrorKind::system, cat(file, ": no memory for the filter"), "", errno);
    check(seccomp_export_bpf(context, memory.get()), file, "write the filter");
    const auto end = ::lseek(memory.get(), 0, SEEK_END);
    Instructions program(end > 0 ? static_cast<std::size_t>(end) / sizeof(sock_filter) : 0);
    if (program.empty() || ::pread(memory.get(), program.data(), program.size() * sizeof(sock_filter), 0) != end)
        throw Error(ErrorKind::system, cat(file, ": the filter cannot be read back"), "", errno);
    return program;
}

// Answers for all other system calls: a binary tree made by libseccomp.
Instructions unconditional_rules(const Verdicts& verdicts, std::uint32_t default_action, const std::string& file) {
    // Otherwise libseccomp asks the kernel of this machine which actions it has; the filter may be for another one.
    constexpr unsigned all_actions = 6;
    seccomp_api_set(all_actions);
    struct Release {
        void operator()(void* context) const noexcept { seccomp_release(context); }
    };
    const std::unique_ptr<void, Release> context(seccomp_init(default_action));
    if (!context) throw Error(ErrorKind::system, cat(file, ": libseccomp cannot make a filter"));
    constexpr std::uint32_t binary_tree = 2;
    check(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, binary_tree), file, "sort the filter");
    check(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), file,
          "kill other architectures");
    for (const auto& [syscall, list] : verdicts) {
        const auto action = list.front().action;
        if (has_conditions(list) || action == default_action) continue;
        check(seccomp_rule_add_exact_array(context.get(), action, syscall, 0, nullptr), file,
              cat("add a rule for ", syscall_name(syscall)));
    }
    return exported(context.get(), file);
}

Instructions program_of(const SeccompProfile& profile, const std::string& file) {
    const auto verdicts = verdicts_of(profile);
    auto program = architecture_checks();
    if (denies(profile.default_action)) append(program, unknown_syscall_checks(profile));
    append(program, conditional_rules(verdicts, profile.default_action));
    append(program, unconditional_rules(verdicts, profile.default_action, file));
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
                              const std::vector<std::string>& capabilities, KernelVersion kernel) {
    const auto profile = read_seccomp_profile(profile_text, file_name, capabilities, kernel);
    SeccompFilter filter{program_of(profile, file_name), profile.flags, unknown_names_of(profile)};
    if (filter.program.size() > BPF_MAXINSNS)
        throw Error(ErrorKind::unsupported,
                    cat(file_name, ": the profile compiles to ", filter.program.size(),
                        " instructions, and the kernel takes ", BPF_MAXINSNS),
                    "use fewer rules with conditions on arguments");
    return filter;
}

}  // namespace minirun
