// Stays with a running container until it ends.
#pragma once

#include "kernel/process.hpp"
#include "launch/launcher.hpp"
#include "launch/relay.hpp"
#include "minirun/container.hpp"
#include "model/cgroup_place.hpp"
#include "model/launch_request.hpp"

namespace minirun {

struct Ending {
    kernel::ProcessEnd process;
    EndedBy by = EndedBy::itself;
    std::optional<std::uint64_t> anonymous_peak{};  ///< bytes, with LaunchRequest::accounting
};

/// Relays streams, forwards signals, keeps the limits on time and output; returns when the container's first process
/// has been reaped. `cgroup`: the container's, or null. The caller has all signals blocked.
Ending supervise(const Launched& launched, const LaunchRequest& request, ContainerStreams& streams,
                 const CgroupPlace* cgroup = nullptr);

}  // namespace minirun
