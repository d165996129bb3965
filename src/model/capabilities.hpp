// Which capabilities a container's process gets.
#pragma once

#include <cstdint>

#include "minirun/run_options.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// The five sets for a process of user `uid`. `available` is what ALL and --privileged stand for (bit n is
/// capability n). Throws Error{usage} on an unknown name.
///
/// A user other than root holds none; the bounding set then is what a program with file capabilities could gain. The
/// inheritable and the ambient set are always empty (CVE-2022-24769, CVE-2022-29162).
CapabilitySpec container_capabilities(const RunOptions& options, std::uint32_t uid, std::uint64_t available);

}  // namespace minirun
