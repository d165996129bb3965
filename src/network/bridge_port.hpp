// The host's end of a container's interface, on a bridge.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace minirun {

/// The number of the interface in another namespace that this one of `network` is connected to; 0 if there is none.
int peer_of_interface(const Fd& network, const std::string& interface);

/// Removes the interface of this number, if it is there and still a port of the bridge. What is left of a namespace
/// that has ended goes by itself, but only some time later.
void remove_bridge_port(const Fd& host, const std::string& bridge, int number);

}  // namespace minirun
