// The words of -p, and the ports that an image exposes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minirun/published_ports.hpp"

namespace minirun {

/// -p [[IP:][HOST_PORT]:]CONTAINER_PORT[/tcp|/udp], where a port may be a range: 8000-8010. Without ports of the host
/// one that is free for each. Throws Error{usage} that names the value.
std::vector<PublishedPorts> parse_published_ports(std::string_view text);

/// "80/tcp" or "8000-8005/udp", as ImageConfig has them: each on a port of the host that is free. Nothing for another
/// protocol.
std::vector<PublishedPorts> parse_exposed_port(std::string_view text);

std::string_view protocol_name(PublishedPorts::Protocol protocol);

/// Refuses ports of the host that are given twice. Throws Error{usage}.
void check_published_once(const std::vector<PublishedPorts>& ports);

}  // namespace minirun
