// The state of a container that an engine drives, as hooks are told.
#pragma once

#include <string>

#include "minirun/lifecycle.hpp"

namespace minirun {

/// The state of the specification's keys: an object without its closing brace and without "pid".
std::string hook_state(const ContainerSpec& spec, const std::string& id, const std::string& bundle,
                       ContainerStatus status);

/// The container process state of the specification (config-linux.md "The Container Process State") for the listener of
/// a seccomp filter: up to where the pids of its "state" and of itself follow.
std::string listener_state(const ContainerSpec& spec, const std::string& metadata, const std::string& state);

}  // namespace minirun
