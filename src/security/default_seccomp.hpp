// The default seccomp profile: its text, and its filter for the default capabilities as compiled when minirun was
// built.
#pragma once

#include <linux/filter.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// The profile (src/security/default_seccomp.json), for the spec, and for other capabilities than the default ones.
std::string_view default_seccomp_profile() noexcept;

/// The profile's filter for the default capabilities. Static memory.
std::span<const sock_filter> default_seccomp_filter() noexcept;

/// Whether that filter is also the one for this bounding set: capabilities that the profile does not mention make no
/// difference. Throws Error{bad_input} on an unknown name.
bool default_seccomp_filter_fits(const std::vector<std::string>& names);

}  // namespace minirun
