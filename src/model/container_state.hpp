// The state of a container that an engine drives, as hooks are told.
#pragma once

#include <string>

#include "minirun/lifecycle.hpp"

namespace minirun {

/// The state of the specification's keys: an object without its closing brace and without "pid".
std::string hook_state(const ContainerSpec& spec, const std::string& id, const std::string& bundle,
                       ContainerStatus status);

}  // namespace minirun
