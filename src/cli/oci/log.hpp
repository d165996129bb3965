// Where engines read what went wrong: --log and --log-format.
#pragma once

#include <string_view>

#include "cli/oci/commands.hpp"
#include "minirun/error.hpp"

namespace minirun {

/// Throws Error{usage} if the log cannot be written.
void check_log(const OciSetting& setting);

/// Appends one line to the log, if there is one: {"level":…,"msg":…,"time":…}, or the same as text.
void write_log(const OciSetting& setting, std::string_view level, std::string_view message);

/// An error with its way out, on one line.
std::string one_line(const Error& error);

}  // namespace minirun
