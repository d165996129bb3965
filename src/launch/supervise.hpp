// Stays with a running container until it ends.
#pragma once

#include "kernel/process.hpp"
#include "launch/launcher.hpp"
#include "launch/relay.hpp"
#include "model/launch_request.hpp"

namespace minirun {

struct Ending {
    kernel::ProcessEnd process;
    bool timed_out = false;
};

/// Relays streams, forwards signals, keeps the time limit; returns when the container's first process has been
/// reaped. The caller has all signals blocked.
Ending supervise(const Launched& launched, const LaunchRequest& request, ContainerStreams& streams);

}  // namespace minirun
