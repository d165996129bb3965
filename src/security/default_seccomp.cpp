#include "security/default_seccomp.hpp"

#include <cstdint>

#include "security/seccomp_profile.hpp"

namespace minirun {
namespace {

// Made by compile_default_seccomp: the arrays `program` and `profile`, and the numbers `capabilities`, for which the
// program was compiled, and `relevant_capabilities`, which the profile mentions.
#include "default_seccomp.inc"

}  // namespace

std::string_view default_seccomp_profile() noexcept { return {profile, sizeof profile}; }

std::span<const sock_filter> default_seccomp_filter() noexcept { return program; }

bool default_seccomp_filter_fits(const std::vector<std::string>& names) {
    return (seccomp_capability_mask(names) & relevant_capabilities) == (capabilities & relevant_capabilities);
}

}  // namespace minirun
