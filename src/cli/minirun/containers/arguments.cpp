#include "cli/minirun/containers/arguments.hpp"

#include <algorithm>

#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Nanoseconds since 1970 do not go on for ever: the year 2262.
constexpr std::int64_t latest_second = 9'200'000'000;

}  // namespace

std::optional<CommandLine> read_container_line(const ContainerCommand& command, int argc, char** argv, bool mixed) {
    auto line = mixed ? read_mixed_command_line(command.options, argc, argv)
                      : read_command_line(command.options, {}, argc, argv);
    const bool help = std::any_of(line.options.begin(), line.options.end(), [&](const Given& given) {
        return command.options[given.index].name == "help" && given.on;
    });
    if (help) {
        print_output(cat("Usage: minirun ", command.usage, "\n\n", command.about, "\n\nOptions:\n",
                         options_help(command.options)));
        return std::nullopt;
    }
    if (line.arguments.empty())
        throw Error(ErrorKind::usage,
                    cat("minirun ", argv[0], " takes a container: its name, or the beginning of its id"),
                    cat("minirun ", command.usage));
    return line;
}

std::chrono::system_clock::time_point time_value(std::string_view option, const std::string& text) {
    using std::chrono::system_clock;
    const auto before = [](std::int64_t nanoseconds) {
        return std::chrono::duration_cast<system_clock::duration>(std::chrono::nanoseconds(nanoseconds));
    };
    if (const auto seconds = parse_number<std::int64_t>(text); seconds && *seconds < latest_second && *seconds >= 0)
        return system_clock::time_point(std::chrono::seconds(*seconds));
    if (const auto seconds = seconds_of(text); seconds != 0)
        return system_clock::time_point(std::chrono::seconds(seconds));
    const auto ago = parse_number<std::int64_t>(text) ? std::nullopt : parse_duration(text);
    if (ago) return system_clock::now() - before(*ago);
    throw Error(ErrorKind::usage, cat(option, ' ', quote(text), ": this is no time"),
                "write 10m, 2026-03-04T05:06:07Z, or seconds since 1970");
}

int for_each_container(const std::vector<std::string>& words,
                       const std::function<std::string(const std::string& word)>& act) {
    int code = 0;
    for (const auto& word : words) try {
            print_output(cat(act(word), '\n'));
        } catch (const Error& error) {
            print_error("minirun", error);
            code = exit_code(error.kind());
        }
    return code;
}

}  // namespace minirun
