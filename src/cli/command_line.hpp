// Docker's command line, read by CLI11 from one constant table that is the help text, too.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// An option as people see it. With an empty name: the heading of a group, which is in `help`.
struct OptionWords {
    char letter;                ///< 'v' of -v; 0: none
    std::string_view name;      ///< "volume" of --volume
    std::string_view argument;  ///< "SRC:DST"; empty: a switch; "[=SIZE]": may be left out (no letter)
    std::string_view help;      ///< empty: not in the help text (another spelling of an option)
};

/// An option as it was given.
struct Given {
    std::size_t index = 0;  ///< in the table
    std::string value;      ///< of a switch: empty
    bool has_value = false;
    bool on = true;  ///< of a switch: false after --init=false
};

struct CommandLine {
    std::vector<Given> options;          ///< in their order
    std::vector<std::string> arguments;  ///< from the first that is no option
};

/// A spelling that Docker knows and minirun does not yet.
struct UnsupportedOption {
    char letter;
    std::string_view name;
};

/// Reads the options in front of the first argument; argv[0] is the command's own name. A name in `known` stands there
/// once.
///
/// `-abc` is -a -b -c, or -a with the value "bc"; a value may stand behind '=' or in the next word, whatever that
/// looks like; a switch takes a value only behind '='. "--" ends the options. Throws Error{usage}.
CommandLine read_command_line(std::span<const OptionWords> known, std::span<const UnsupportedOption> unsupported,
                              int argc, char** argv);

/// The same where options may stand behind arguments, too: of all commands but those that take a container's command.
CommandLine read_mixed_command_line(std::span<const OptionWords> known, int argc, char** argv);

/// The groups of options, each on a line of at most 80 columns.
std::string options_help(std::span<const OptionWords> known);

/// The word that a mistyped one is meant to be, if one is close; otherwise empty.
std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known);

}  // namespace minirun
