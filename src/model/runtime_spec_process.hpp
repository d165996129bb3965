// The `process` of a config.json.
#pragma once

#include "base/json_fwd.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// Reads it; complains about what cannot be read, not about what makes no sense (see check_spec()).
ProcessSpec read_process(const JsonView& view);

}  // namespace minirun
