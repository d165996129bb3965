// What must hold for a ContainerSpec before a plan is made from it.
#pragma once

#include "base/json_fwd.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// Adds every problem of a spec, each with the config.json path of its key (".process.args").
///
/// Looks at the spec only, never at the host: whether a path exists is found out when the plan is made or executed.
void check_spec(const ContainerSpec& spec, Problems& problems);

}  // namespace minirun
