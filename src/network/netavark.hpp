// What netavark is told: https://github.com/containers/netavark, "network options" on its standard input.
#pragma once

#include <string>

#include "model/bridge_network.hpp"
#include "plan/builder.hpp"

namespace minirun {

/// Its input for one of the container's ends. Ports lead to the first end that an outside reaches, so the others have
/// none.
std::string netavark_input(const NetworkRecord& record, const NetworkEnd& end);

/// Adds the step that connects the container to its bridges, if it has some.
void add_bridges(PlanBuilder& plan);

}  // namespace minirun
