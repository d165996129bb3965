// What the commands on containers have in common.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace minirun {

/// A command on one or several containers.
struct ContainerCommand {
    std::string_view usage;  ///< "stop [OPTIONS] CONTAINER…"
    std::string_view about;  ///< sentences for --help
    std::span<const OptionWords> options;
};

/// The line, if there is something to do: with --help that is printed, and the answer is nothing. Throws Error{usage}
/// if no container is named.
std::optional<CommandLine> read_container_line(const ContainerCommand& command, int argc, char** argv,
                                               bool mixed = true);

/// A time as --since and --until take it: "10m" (ago), "2026-03-04T05:06:07Z", or seconds since 1970. Throws
/// Error{usage} that names the option.
std::chrono::system_clock::time_point time_value(std::string_view option, const std::string& text);

/// Does it for each of them, and prints what it returns and an end of line. An error is told, and the others have their
/// turn; the exit code is that of the last error.
int for_each_container(const std::vector<std::string>& words,
                       const std::function<std::string(const std::string& word)>& act);

}  // namespace minirun
