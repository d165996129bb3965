// What the commands of minirun-oci have in common when they read their words.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/command_line.hpp"

namespace minirun {

/// The words of one command, read. With --help the text is printed, and `done` is set.
struct OciLine {
    CommandLine line;
    bool done = false;
    std::span<const OptionWords> known;

    /// Whether a switch is on.
    bool has(std::string_view name) const;
    /// The last value of an option; nothing given: empty.
    std::string value(std::string_view name) const;
    /// A whole number; throws Error{usage}.
    unsigned number(std::string_view name) const;
    /// The only argument, or the first: throws Error{usage} where there is none.
    const std::string& id() const;
};

/// Throws Error{usage} unless the descriptors from 3 on, so many, are open: what this program opens later would get
/// their numbers, and be handed to the container (CVE-2024-21626). To be called before anything is opened that stays.
void check_preserved(unsigned count);

/// Options anywhere but behind "--"; `in_front`: only before the first argument, what follows is a command's own.
OciLine read_oci_line(std::span<const OptionWords> known, std::string_view usage, int argc, char** argv,
                      bool in_front = false);

}  // namespace minirun
