// Ports of the host that lead into a container: which are free, and whether they are.
#pragma once

#include <span>
#include <vector>

#include "minirun/published_ports.hpp"
#include "plan/step.hpp"

namespace minirun {

/// Gives those without a port of the host one that is free now. Throws Error.
void choose_host_ports(std::vector<PublishedPorts>& ports);

/// Throws Error that names the first port of the host which cannot be had: conflict if something listens there. pasta
/// itself is silent where it gets some of its ports, or one address family of a port.
void check_host_ports(std::span<const op::PortForward> ports);

}  // namespace minirun
