// A launch request as a document, for a container that is started again later.
#pragma once

#include "base/json_fwd.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// All of a request but its spec, which is a document of its own (runtime_spec_json()), and what belongs to one launch
/// or to the place that the container has: descriptors, paths of its own, what is looked at in the end.
Json launch_request_json(const LaunchRequest& request);

/// The other way round. What is not in the document is as in a request that nobody has changed.
LaunchRequest read_launch_request(const JsonView& view);

/// Ports as a list of objects, and the other way round.
Json ports_json(const std::vector<PublishedPorts>& ports);
std::vector<PublishedPorts> read_ports(const JsonView& view);

}  // namespace minirun
