// The options that bound what an archive may make of this machine: of load and of import.
#pragma once

#include <string_view>
#include <vector>

#include "archive/limits.hpp"
#include "cli/command_line.hpp"

namespace minirun {

/// Puts them behind a command's own.
void add_limit_options(std::vector<OptionWords>& words);

/// Takes one of them; false if `name` is none. Throws Error{usage}.
bool set_limit(Limits& limits, std::string_view name, const Given& given);

}  // namespace minirun
