// Why a command could not be executed: execve(2) only says ENOENT.
#pragma once

#include "minirun/error.hpp"
#include "model/launch_request.hpp"
#include "plan/report.hpp"

namespace minirun {

/// The error for a failed Exec step, after a look at the image's layers and the volumes: a command that is not in PATH
/// (command_not_found), a missing ELF or #! interpreter (which one), a file that is not executable or for another
/// machine (cannot_execute).
Error exec_error(const LaunchRequest& request, const ChildReport& report);

}  // namespace minirun
