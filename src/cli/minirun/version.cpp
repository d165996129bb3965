// minirun version: which program this is, on which host.
#include <sys/utsname.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/platform.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'f', "format", "FORMAT", "text, json, or '{{.Client.Version}}' and other fields"},
    {0, "help", "", "print this text"},
};

// Docker's keys. Client and server are one program here.
Json fields() {
    utsname host{};
    ::uname(&host);
    const Json program{{"Version", MINIRUN_VERSION},
                       {"Os", "linux"},
                       {"Arch", image_architecture(host.machine)},
                       {"KernelVersion", host.release}};
    return {{"Client", program}, {"Server", program}};
}

}  // namespace

int version_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    std::string format = "text";
    for (const auto& given : line.options) {
        if (options[given.index].name == "format") {
            format = given.value;
            continue;
        }
        print_output(
            cat("Usage: minirun version [OPTIONS]\n\nPrints the version.\n\nOptions:\n", options_help(options)));
        return 0;
    }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun version takes no arguments");
    if (format == "text")
        print_output("minirun " MINIRUN_VERSION "\n");
    else
        print_output((format == "json" ? fields().dump() : fill_in(format, fields(), "text, json, or ")) + "\n");
    return 0;
}

}  // namespace minirun
