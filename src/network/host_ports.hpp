// Ports of the host that lead into a container: which are free, and whether they are.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "minirun/published_ports.hpp"
#include "plan/step.hpp"

namespace minirun {

/// Gives those without a port of the host one that is free now. Throws Error.
void choose_host_ports(std::vector<PublishedPorts>& ports);

/// Throws Error that names the first port of the host which cannot be had: conflict if something listens there. pasta
/// itself is silent where it gets some of its ports, or one address family of a port.
void check_host_ports(std::span<const op::PortForward> ports);

/// Throws Error{conflict} if aardvark-dns could not answer at this address, which need not be the host's yet: it says
/// nothing itself.
void check_name_server_port(const std::string& address);

/// Checks them, and keeps them from others as long as the descriptors are open, without listening: rules of the kernel
/// lead elsewhere what comes for them, and what they do not take is refused. Throws Error as check_host_ports().
std::vector<Fd> reserve_host_ports(std::span<const op::PortForward> ports);

}  // namespace minirun
