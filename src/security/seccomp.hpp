// From a seccomp profile to the BPF program that a container's process loads.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "security/seccomp_profile.hpp"

namespace minirun {

struct SeccompFilter {
    std::vector<sock_filter> program;
    std::uint32_t flags = 0;  ///< SECCOMP_FILTER_FLAG_*, for seccomp(2)
    /// System calls that the profile names and that are none here: ignored, as engines do, since profiles name those
    /// of every architecture and of kernels to come.
    std::vector<std::string> unknown_names;
};

/// Compiles a profile (the forms: seccomp_profile.hpp) for a container with this bounding set.
///
/// What the filter answers:
/// - Another architecture than the native one kills the process, x32 too, whatever the profile lists: what it lists is
///   for who calls this (lists_compat_architecture()). With `compat`
///   32-bit programs run as well (on x86-64; Abi::compat), under the same rules. socketcall(2) hides the address family
///   from a filter: a profile that does not mean to allow them all must not allow it.
/// - Where several rules fit a call, the one with the strictest action decides, as it is between stacked filters
///   (seccomp(2)); among equal actions the first. So a rule that denies some arguments works beside one that allows
///   the call. (In the engines it silently does nothing: libseccomp drops it.)
/// - The default action decides where no rule fits. But if it denies, system calls newer than the newest one that the
///   profile names get ENOSYS, and so do numbers without a meaning: the C library then falls back to an older call,
///   where EPERM or a kill would break programs as soon as they are built with a newer one.
///
/// Throws Error{bad_input} with all problems of the profile, Error{unsupported} if the program gets too long for the
/// kernel.
SeccompFilter compile_seccomp(std::string_view profile_text, const std::string& file_name,
                              const std::vector<std::string>& capabilities,
                              KernelVersion kernel = running_kernel_version(), bool compat = false);

}  // namespace minirun
