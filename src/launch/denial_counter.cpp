#include "launch/denial_counter.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/syscall_names.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_numbers = 1024;  // all numbers that have names are below

// The kernel writes as much as it knows, which may be more than this build does.
std::vector<std::uint64_t> room_for(std::size_t ours, std::size_t kernels) {
    return std::vector<std::uint64_t>((std::max(ours, kernels) + 7) / 8);
}

// What the kernel makes of what a filter returns: SECCOMP_RET_ERRNO in seccomp(2).
int error_of(std::uint32_t result) {
    constexpr std::uint32_t highest = 4095;
    if ((result & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) return EPERM;
    return static_cast<int>(std::min(result & SECCOMP_RET_DATA, highest));
}

// By name; those whose numbers have none as one.
void add_names(DeniedCalls& calls, std::vector<std::uint64_t> counts, Abi abi) {
    for (const auto& [number, name] : known_syscalls(abi)) {
        const auto index = static_cast<std::size_t>(number);
        if (index < counts.size() && counts[index] > 0) calls[name] += std::exchange(counts[index], 0);
    }
    for (const auto count : counts)
        if (count > 0) calls["unknown"] += count;
}

}  // namespace

DenialCounter::DenialCounter(Fd listener, std::span<const sock_filter> filter)
    : listener_(std::move(listener)), filter_(filter), native_(most_numbers), compat_(most_numbers) {
    seccomp_notif_sizes sizes{};
    ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
    question_ = room_for(sizeof(seccomp_notif), sizes.seccomp_notif);
    answer_ = room_for(sizeof(seccomp_notif_resp), sizes.seccomp_notif_resp);
}

void DenialCounter::serve() {
    constexpr int most_at_once = 64;
    for (int i = 0; i < most_at_once && listener_; i++) {
        pollfd one{listener_.get(), POLLIN, 0};
        if (::poll(&one, 1, 0) <= 0) return;
        // POLLHUP: all who had the filter are gone.
        if ((one.revents & POLLIN) == 0 || !answer_one()) listener_.reset();
    }
}

// False: it is no good any more.
bool DenialCounter::answer_one() {
    std::fill(question_.begin(), question_.end(), 0);  // or the kernel refuses it
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, question_.data()) < 0)
        return errno == ENOENT || errno == EINTR;  // ENOENT: who asked has been killed
    seccomp_notif asked{};
    std::memcpy(&asked, question_.data(), sizeof asked);
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    answer.error = -error_of(evaluate(filter_, asked.data));
    std::fill(answer_.begin(), answer_.end(), 0);
    std::memcpy(answer_.data(), &answer, sizeof answer);
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, answer_.data()) == 0) {
        count(asked.data.arch, asked.data.nr);
        return true;
    }
    return errno == ENOENT || errno == EINTR;
}

void DenialCounter::count(std::uint32_t architecture, int number) {
    auto& counts = architecture == native_audit_arch ? native_ : compat_;
    const auto index = static_cast<std::size_t>(static_cast<std::uint32_t>(number));
    (index < counts.size() ? counts[index] : unknown_)++;
}

DeniedCalls DenialCounter::counts() const {
    DeniedCalls calls;
    add_names(calls, native_, Abi::native);
    add_names(calls, compat_, Abi::compat);
    if (unknown_ > 0) calls["unknown"] += unknown_;
    return calls;
}

}  // namespace minirun
