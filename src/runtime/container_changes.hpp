// Of a container that has ended: what is in its writable layer.
#pragma once

#include <functional>

#include "base/fd.hpp"
#include "minirun/findings.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// Throws Error{usage} for a container whose writable layer cannot be looked at: its root is a directory of the host,
/// as it is.
void check_changes_can_be_told(const LaunchRequest& request);

/// What the container has changed in its root file system; none without a writable layer. `upper_in_memory` is what the
/// child has handed over (Launched::upper), `stop` is asked whether to give up. Throws Error.
Changes changes_of(const LaunchRequest& request, const Fd& upper_in_memory, const std::function<bool()>& stop);

}  // namespace minirun
