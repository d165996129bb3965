// The command line of `minirun run`.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/command_line.hpp"
#include "minirun/run_options.hpp"

namespace minirun {

struct RunCommand {
    bool help = false;     ///< --help: the rest is not filled
    std::string image;     ///< empty with --rootfs
    std::string platform;  ///< --platform OS/ARCH[/VARIANT], or empty
    RunOptions options;
    bool dry_run = false;
    std::string stdin_file, stdout_file, stderr_file;  ///< or empty: minirun's own
    std::string report;                                ///< --report FILE|-|fd:N, or empty
    bool json = false;                                 ///< --format json
};

/// An option of a command that takes those of `run` as well.
struct MoreOption {
    OptionWords words;
    std::function<void(const Given&)> apply;
};

/// Reads `run [OPTIONS] IMAGE [COMMAND] [ARG…]`; argv[0] is the command's name. Looks up what options name on the host:
/// volume sources, devices, env files, the seccomp profile, and variables for `-e NAME`. Of two options with one name
/// that of `more` counts.
///
/// `usual`: what holds where no option says otherwise. Throws Error: usage, bad_input or not_found, naming the option
/// and its value.
RunCommand parse_run(int argc, char** argv, std::span<const MoreOption> more = {}, RunOptions usual = {});

/// What only a report would tell is refused where there is none: `where` is the option that asks for one. Throws
/// Error{usage}.
void check_findings_are_told(const RunOptions& options, std::string_view where);

/// The help of `run`, or of another command with its options.
std::string run_help(std::string_view command = "run", std::string_view about = "Runs an image in a new container.");

}  // namespace minirun
