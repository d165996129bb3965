// Stays with a running container until it ends.
#pragma once

#include <poll.h>

#include <initializer_list>
#include <span>
#include <vector>

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

/// What is looked after beside the container, in the same loop.
class SupervisedService {
public:
    SupervisedService() = default;
    SupervisedService(const SupervisedService&) = delete;
    SupervisedService& operator=(const SupervisedService&) = delete;
    virtual ~SupervisedService() = default;
    /// Adds what to wait for.
    virtual void watch(std::vector<pollfd>& list) const = 0;
    /// Acts on the entries that watch() added, in their order.
    virtual void serve(std::span<const pollfd> events) = 0;
};

/// Relays streams, forwards signals, keeps the limits on time and output; returns when the container's first process
/// has been reaped. `cgroup`: the container's, or null; of the services some may be null, too. The caller has all
/// signals blocked.
Ending supervise(const Launched& launched, const LaunchRequest& request, ContainerStreams& streams,
                 const CgroupPlace* cgroup = nullptr, std::initializer_list<SupervisedService*> services = {});

}  // namespace minirun
