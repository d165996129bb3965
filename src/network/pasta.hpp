// A container's own network, which pasta(1) connects to the host's.
#pragma once

#include "plan/builder.hpp"

namespace minirun {

/// The step that starts pasta, where the request has it.
void add_pasta(PlanBuilder& plan);

}  // namespace minirun
