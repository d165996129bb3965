// Where the host's routes lead.
#pragma once

#include <string>
#include <vector>

#include "network/address_range.hpp"

namespace minirun {

struct HostRoute {
    AddressRange range;
    std::string interface;
};

/// Those of this network namespace, but for the default ones. Throws Error.
std::vector<HostRoute> host_routes();

}  // namespace minirun
