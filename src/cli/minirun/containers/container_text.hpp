// How containers are told of, in Docker's words.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "minirun/containers.hpp"

namespace minirun {

/// "Up 3 minutes (Paused)", "Exited (0) 2 hours ago", "Created".
std::string status_text(const ContainerSummary& container);

/// The words with blanks between; of a longer text the beginning.
std::string command_text(const std::vector<std::string>& args, std::size_t longest);

/// One port of a container, at one address of the host.
struct Endpoint {
    std::string container;  ///< "80/tcp"
    std::string address;    ///< "0.0.0.0", "::"
    int port = 0;           ///< of the host
};
/// All of them, one by one: where no address was given, those of both families.
std::vector<Endpoint> endpoints_of(const std::vector<PublishedPorts>& ports);

/// "0.0.0.0:8080", "[::]:8080".
std::string address_text(const Endpoint& endpoint);

}  // namespace minirun
