// What is written down of networks that containers share, and of a container's ends of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.hpp"
#include "minirun/networks.hpp"
#include "minirun/published_ports.hpp"

namespace minirun {

/// A container's networks while it runs: network.json in its directory. It is there before anything is set up, so that
/// whatever that has made can be found and taken down.
struct NetworkRecord {
    std::string id, name;    ///< the container's
    std::uint64_t host = 0;  ///< the network namespace that the bridges are in: see network_namespace_number()
    std::vector<PublishedPorts> ports;  ///< of the first one
    std::vector<NetworkEnd> ends;
};

/// The file's name.
inline constexpr char network_record[] = "network.json";

Json bridge_network_json(const BridgeNetwork& network);
BridgeNetwork read_bridge_network(const JsonView& view);

Json network_record_json(const NetworkRecord& record);
NetworkRecord read_network_record(const JsonView& view);

}  // namespace minirun
