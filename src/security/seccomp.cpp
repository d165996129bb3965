#include "security/seccomp.hpp"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <span>

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

using Tests = std::vector<ArgumentTest>;

// All that is said about one system call with one action.
struct Verdict {
    std::uint32_t action;
    std::vector<Tests> any_of;
};
using Verdicts = std::map<int, std::vector<Verdict>>;

// The kernel's order: as signed numbers, the smaller action is the stricter one.
std::int32_t strictness(std::uint32_t action) { return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL); }

bool denies(std::uint32_t action) { return strictness(action) < strictness(SECCOMP_RET_TRACE); }

// By system call, strictest first; the order in the profile decides between equals.
Verdicts verdicts_of(const SeccompProfile& profile) {
    Verdicts verdicts;
    for (const auto& rule : profile.rules) {
        for (const auto& name : rule.names) {
            const auto number = syscall_number(name);
            if (!number) continue;
            auto& list = verdicts[*number];
            auto found = std::find_if(list.begin(), list.end(), [&](const auto& v) { return v.action == rule.action; });
            if (found == list.end()) found = list.insert(list.end(), Verdict{rule.action, {}});
            for (const auto& tests : rule.any_of)
                if (std::find(found->any_of.begin(), found->any_of.end(), tests) == found->any_of.end())
                    found->any_of.push_back(tests);
        }
    }
    for (auto& [number, list] : verdicts)
        std::stable_sort(list.begin(), list.end(),
                         [](const auto& a, const auto& b) { return strictness(a.action) < strictness(b.action); });
    return verdicts;
}

scmp_arg_cmp comparison(const ArgumentTest& test) {
    constexpr std::pair<ArgumentOp, scmp_compare> table[] = {
        {ArgumentOp::not_equal, SCMP_CMP_NE},          {ArgumentOp::less, SCMP_CMP_LT},
        {ArgumentOp::less_or_equal, SCMP_CMP_LE},      {ArgumentOp::equal, SCMP_CMP_EQ},
        {ArgumentOp::greater_or_equal, SCMP_CMP_GE},   {ArgumentOp::greater, SCMP_CMP_GT},
        {ArgumentOp::masked_equal, SCMP_CMP_MASKED_EQ}};
    const auto* found =
        std::find_if(std::begin(table), std::end(table), [&](auto row) { return row.first == test.op; });
    return {test.index, found->second, test.value, test.value_two};
}

// One libseccomp program. In it each system call has one action: of several, libseccomp keeps what it was told first
// or what covers more, and says nothing.
class Program {
public:
    Program(const std::string& file, std::uint32_t default_action) : file_(file), default_action_(default_action) {
        // Otherwise libseccomp asks the kernel of this machine which actions it has; the filter may be for another one.
        constexpr unsigned all_actions = 6;
        seccomp_api_set(all_actions);
        context_.reset(seccomp_init(default_action));
        if (!context_) throw Error(ErrorKind::system, cat(file_, ": libseccomp cannot make a filter"));
        check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
              "kill other architectures");
        constexpr std::uint32_t binary_tree = 2;
        check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, binary_tree), "sort the filter");
    }

    void add(int syscall, const Verdict& verdict) {
        if (verdict.action == default_action_) return;
        for (const auto& tests : verdict.any_of) {
            std::vector<scmp_arg_cmp> comparisons;
            for (const auto& test : tests) comparisons.push_back(comparison(test));
            const auto count = static_cast<unsigned>(comparisons.size());
            check(seccomp_rule_add_exact_array(context_.get(), verdict.action, syscall, count, comparisons.data()),
                  cat("add a rule for ", syscall_name(syscall)));
        }
    }

    std::vector<sock_filter> instructions() const {
        const Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
        if (!file) throw Error(ErrorKind::system, cat(file_, ": no memory for the filter"), "", errno);
        check(seccomp_export_bpf(context_.get(), file.get()), "write the filter");
        const auto size = ::lseek(file.get(), 0, SEEK_END);
        std::vector<sock_filter> all(size > 0 ? static_cast<std::size_t>(size) / sizeof(sock_filter) : 0);
        const auto bytes = static_cast<ssize_t>(all.size() * sizeof(sock_filter));
        if (bytes == 0 || ::pread(file.get(), all.data(), all.size() * sizeof(sock_filter), 0) != bytes)
            throw Error(ErrorKind::system, cat(file_, ": the filter cannot be read back"), "", errno);
        return all;
    }

private:
    void check(int result, std::string_view task) const {
        if (result < 0) throw Error(ErrorKind::system, cat(file_, ": libseccomp cannot ", task), "", -result);
    }

    struct Release {
        void operator()(void* context) const noexcept { seccomp_release(context); }
    };
    const std::string& file_;
    std::uint32_t default_action_;
    std::unique_ptr<void, Release> context_;
};

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
sock_filter jump(unsigned comparison, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), if_true, if_false, k};
}
sock_filter answer(std::uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter load(std::size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }

// Kills other architectures. x32 has the same audit architecture as x86-64 and numbers with bit 30 set; -1 is no
// system call of x32, but how a tracer skips one.
std::vector<sock_filter> architecture_checks() {
    std::vector<sock_filter> program = {
        load(offsetof(seccomp_data, arch)),
        jump(BPF_JEQ, native_audit_arch, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
        load(offsetof(seccomp_data, nr)),
    };
#if defined(__x86_64__)
    constexpr std::uint32_t x32_bit = 0x40000000;
    const sock_filter x32[] = {
        jump(BPF_JGE, x32_bit, 0, 2),
        jump(BPF_JEQ, UINT32_MAX, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
    };
    program.insert(program.end(), std::begin(x32), std::end(x32));
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
std::vector<sock_filter> unknown_syscall_checks(const SeccompProfile& profile) {
    const auto newest = static_cast<std::uint32_t>(newest_of(profile));
    const auto no_such_call = answer(SECCOMP_RET_ERRNO | ENOSYS);
    std::vector<sock_filter> program = {jump(BPF_JGT, newest, 0, 1), no_such_call};
    std::uint32_t next = 0;
    for (const auto& known : known_syscalls()) {
        const auto number = static_cast<std::uint32_t>(known.number);
        if (next > newest) break;
        if (number > next) {
            program.push_back(jump(BPF_JGE, next, 0, 2));
            program.push_back(jump(BPF_JGE, number, 1, 0));
            program.push_back(no_such_call);
        }
        next = number + 1;
    }
    return program;
}

void append(std::vector<sock_filter>& program, std::span<const sock_filter> part) {
    program.insert(program.end(), part.begin(), part.end());
}

// What this part would allow goes on to the part behind it. (BPF_JA is as long as a return, and reaches any distance.)
void append_falling_through(std::vector<sock_filter>& program, std::vector<sock_filter> part) {
    for (std::size_t i = 0; i < part.size(); i++)
        if (part[i].code == (BPF_RET | BPF_K) && part[i].k == SECCOMP_RET_ALLOW)
            part[i] = statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(part.size() - i - 1));
    append(program, part);
}

// A system call's actions are spread over as many parts as the one with the most of them needs, the strictest first;
// the last part, which knows the default action, has the mildest. Nearly always there are one or two parts.
std::vector<sock_filter> link(const SeccompProfile& profile, const std::string& file) {
    const auto verdicts = verdicts_of(profile);
    std::size_t parts = 1;
    for (const auto& [syscall, list] : verdicts) parts = std::max(parts, list.size());
    auto program = architecture_checks();
    if (denies(profile.default_action)) append(program, unknown_syscall_checks(profile));
    for (std::size_t part = 0; part < parts; part++) {
        const bool last = part + 1 == parts;
        Program source(file, last ? profile.default_action : SECCOMP_RET_ALLOW);
        for (const auto& [syscall, list] : verdicts)
            if (part + list.size() >= parts) source.add(syscall, list[part + list.size() - parts]);
        if (last)
            append(program, source.instructions());
        else
            append_falling_through(program, source.instructions());
    }
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
    SeccompFilter filter{link(profile, file_name), profile.flags, unknown_names_of(profile)};
    if (filter.program.size() > BPF_MAXINSNS)
        throw Error(ErrorKind::unsupported,
                    cat(file_name, ": the profile compiles to ", filter.program.size(),
                        " instructions, and the kernel takes ", BPF_MAXINSNS),
                    "use fewer rules with conditions on arguments");
    return filter;
}

}  // namespace minirun
