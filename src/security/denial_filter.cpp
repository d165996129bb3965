#include "security/denial_filter.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>

#include "base/text.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

bool returns_error(const sock_filter& instruction) {
    return instruction.code == (BPF_RET | BPF_K) && (instruction.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

bool is_let_through(std::span<const sock_filter> filter, std::string_view name) {
    const auto results = possible_results(filter, syscall_number(name).value_or(-1));
    return std::all_of(results.begin(), results.end(), [](std::uint32_t result) {
        const auto action = result & SECCOMP_RET_ACTION_FULL;
        return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
    });
}

#if defined(__x86_64__)
constexpr std::uint32_t compat_seccomp = 354, without_x32_bit = ~0x40000000u;
#else
constexpr std::uint32_t compat_seccomp = 383, without_x32_bit = ~0u;
#endif

// Of two filters that ask, the newer one is asked. While ours has its listener the kernel lets no other one be made;
// when minirun has been killed it would, and who answers for that one decides what is let through. So the answer is
// what the kernel's would have been.
constexpr sock_filter no_second_listener[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native_audit_arch, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, without_x32_bit),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 2, 7),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, compat_seccomp, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),  // both processors are little-endian
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_SET_MODE_FILTER, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBUSY),
};

bool may_load_filters(std::span<const sock_filter> filter) {
    const auto results = possible_results(filter, SYS_seccomp);
    return std::any_of(results.begin(), results.end(),
                       [](std::uint32_t result) { return (result & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO; });
}

}  // namespace

std::vector<sock_filter> asking_filter(std::span<const sock_filter> filter) {
    std::vector<sock_filter> asking(std::begin(no_second_listener), std::end(no_second_listener));
    // Where the filter denies seccomp(2) anyway it is asked about as the others are.
    if (!may_load_filters(filter)) asking.clear();
    const auto begin = static_cast<std::ptrdiff_t>(asking.size());
    asking.insert(asking.end(), filter.begin(), filter.end());
    for (auto& instruction : std::span(asking).subspan(static_cast<std::size_t>(begin)))
        if (returns_error(instruction)) instruction.k = SECCOMP_RET_USER_NOTIF;
    return asking;
}

// WAIT_KILLABLE_RECV: a signal with a handler would have the call come back, be asked about again, and counted twice.
std::uint32_t asking_flags(KernelVersion kernel) noexcept {
    constexpr std::uint32_t wait_killable = 1 << 5;
    constexpr KernelVersion first_with_it{5, 19};
    return SECCOMP_FILTER_FLAG_NEW_LISTENER | (kernel >= first_with_it ? wait_killable : 0);
}

void check_countable(const SeccompFilter& filter) {
    if ((filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
        throw Error(
            ErrorKind::bad_input,
            "--report-denied: the seccomp profile has an SCMP_ACT_NOTIFY of its own, and a filter has one listener",
            "count the calls where that one is answered, or give another profile");
    for (const auto* name : {"write", "recvmsg", "close"})
        if (!is_let_through(filter.program, name))
            throw Error(ErrorKind::bad_input,
                        cat("--report-denied: the seccomp profile does not let ", name,
                            " through, which minirun needs to hand over the filter's listener"),
                        "let the profile allow write, recvmsg and close, whatever their arguments");
}

}  // namespace minirun
