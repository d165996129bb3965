// Why a command could not be executed: execve(2) only says ENOENT.
#pragma once

#include <string>
#include <string_view>

#include "minirun/error.hpp"
#include "model/launch_request.hpp"
#include "plan/report.hpp"

namespace minirun {

/// The error for a failed Exec step, after a look at the image's layers and the volumes: a command that is not in PATH
/// (command_not_found), a missing ELF or #! interpreter (which one), a file that is not executable or for another
/// machine (cannot_execute).
Error exec_error(const LaunchRequest& request, const ChildReport& report);

/// What the kernel runs first in place of a program: its dynamic loader, or what a script begins with.
struct Interpreter {
    std::string path;          ///< as the file names it; empty: a static program, or no program at all
    std::string_view said_by;  ///< "its ELF header", "its #! line"
};

/// Reads it from a regular file that is open for reading.
Interpreter interpreter_of(int fd);

}  // namespace minirun
