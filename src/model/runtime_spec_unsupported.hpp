// What the OCI runtime specification knows and minirun cannot honour.
#pragma once

#include "base/json_fwd.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// Complains about each key of a config.json (`root` is an object) that asks for
/// something that minirun does not do: ignoring it would make the container another one than was described, mostly a
/// weaker one.
void complain_about_unsupported(const JsonView& root);

}  // namespace minirun
