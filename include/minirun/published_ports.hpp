// Ports of a container that are reached on the host.
#pragma once

#include <cstdint>
#include <string>

namespace minirun {

/// As many ports of the host as of the container, one behind the other (-p).
struct PublishedPorts {
    /// Of the transport layer.
    enum class Protocol { tcp, udp };
    std::string address;          ///< of the host: "127.0.0.1", "::1"; empty: all of its addresses
    std::uint16_t host_port = 0;  ///< the first; 0: one that is free, of a single port
    std::uint16_t container_port = 0;
    std::uint16_t count = 1;
    Protocol protocol = Protocol::tcp;
    bool operator==(const PublishedPorts&) const = default;
};

}  // namespace minirun
