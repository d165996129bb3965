#include "cli/minirun/containers/arguments.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {

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
