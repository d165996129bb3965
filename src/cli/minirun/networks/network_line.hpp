// What the commands on networks have in common.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "cli/command_line.hpp"

namespace minirun {

/// A command on networks.
struct NetworkCommand {
    std::string_view usage;  ///< "network rm NETWORK…"
    std::string_view about;  ///< sentences for --help
    std::span<const OptionWords> options;
    std::size_t least = 0, most = 0;  ///< how many arguments it takes
};

/// The line, if there is something to do: with --help that is printed, and the answer is nothing. Throws Error{usage}.
std::optional<CommandLine> read_network_line(const NetworkCommand& command, int argc, char** argv);

}  // namespace minirun
