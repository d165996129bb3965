// A network device of the host that becomes a container's.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace minirun {

/// Moves the device into another network namespace and sets it up there, under this name. It keeps what the kernel
/// keeps (MTU, hardware address), and its permanent addresses of global scope, which the kernel takes away. Throws
/// Error. config-linux.md "Network devices".
void move_network_device(const std::string& device, const Fd& network_namespace, const std::string& name);

}  // namespace minirun
