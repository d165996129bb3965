#include "security/denial_filter.hpp"

#include <linux/seccomp.h>

#include <algorithm>

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

}  // namespace

std::vector<sock_filter> asking_filter(std::span<const sock_filter> filter) {
    std::vector<sock_filter> asking(filter.begin(), filter.end());
    for (auto& instruction : asking)
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
