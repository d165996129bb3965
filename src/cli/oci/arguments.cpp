#include "cli/oci/arguments.hpp"

#include <fcntl.h>

#include "base/text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {

bool OciLine::has(std::string_view name) const {
    bool on = false;
    for (const auto& given : line.options)
        if (known[given.index].name == name) on = given.on;
    return on;
}

std::string OciLine::value(std::string_view name) const {
    std::string value;
    for (const auto& given : line.options)
        if (known[given.index].name == name) value = given.value;
    return value;
}

unsigned OciLine::number(std::string_view name) const {
    const auto text = value(name);
    if (text.empty()) return 0;
    const auto number = parse_number<unsigned>(text);
    constexpr unsigned most = 1 << 20;
    if (!number || *number > most) throw Error(ErrorKind::usage, cat("--", name, " takes a number, not ", quote(text)));
    return *number;
}

const std::string& OciLine::id() const {
    if (line.arguments.empty())
        throw Error(ErrorKind::usage, "the id of the container is missing", "--help tells what the command takes");
    return line.arguments.front();
}

void check_preserved(unsigned count) {
    for (unsigned fd = 3; fd < 3 + count; fd++)
        if (::fcntl(static_cast<int>(fd), F_GETFD) < 0)
            throw Error(ErrorKind::usage,
                        cat("descriptor ", fd, " is to be handed on to the container, and is not open"),
                        "--preserve-fds N (and LISTEN_FDS) mean those from 3 on, all of them");
}

OciLine read_oci_line(std::span<const OptionWords> known, std::string_view usage, int argc, char** argv,
                      bool in_front) {
    OciLine read{in_front ? read_command_line(known, {}, argc, argv) : read_mixed_command_line(known, argc, argv),
                 false, known};
    if (read.has("help")) {
        print_output(cat("Usage: minirun-oci ", usage, "\n\nOptions:\n", options_help(known)));
        read.done = true;
    }
    return read;
}

}  // namespace minirun
