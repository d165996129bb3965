// A seccomp filter whose denials can be counted: it asks its listener where it would answer with an error.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "security/seccomp.hpp"

namespace minirun {

/// The same filter, but SECCOMP_RET_USER_NOTIF wherever it returns SECCOMP_RET_ERRNO. What it lets through, traps or
/// kills for is as it was, and so is a container's own filter on top of it: the kernel takes the strictest answer, and
/// between a question and an error that is the error.
std::vector<sock_filter> asking_filter(std::span<const sock_filter> filter);

/// Flags of seccomp(2) for it on a kernel of this version, beside the profile's own.
std::uint32_t asking_flags(KernelVersion kernel) noexcept;

/// Throws Error{bad_input} if a filter cannot be replaced by asking_filter(): it has a listener already, or does not
/// let through the system calls by which the listener is handed over.
void check_countable(const SeccompFilter& filter);

}  // namespace minirun
