// Hooks that run in the container.
#pragma once

#include <string>

#include "runtime/join.hpp"

namespace minirun {

/// Runs a startContainer hook as another process of the container: its path is one of the container's, and it has the
/// rights of the container's process. `state` is a JSON object without its closing brace and without "pid". Throws
/// Error that names the hook.
void run_hook_inside(const ContainerRecord& record, const JoinedProcess& joined, const Hook& hook,
                     const std::string& state);

}  // namespace minirun
