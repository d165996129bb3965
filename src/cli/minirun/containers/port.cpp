// minirun port: where the ports of a container are reached.
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/container_text.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

}  // namespace

int port_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"port CONTAINER [PORT[/PROTOCOL]]", "Tells where on the host the ports of a container are reached.", options},
        argc, argv);
    if (!line) return 0;
    if (line->arguments.size() > 2) throw Error(ErrorKind::usage, "minirun port takes a container and perhaps a port");
    const auto container = Containers().summary(line->arguments[0]);
    auto wanted = line->arguments.size() == 2 ? line->arguments[1] : "";
    if (!wanted.empty() && wanted.find('/') == std::string::npos) wanted += "/tcp";
    std::string text;
    for (const auto& one : endpoints_of(container.ports)) {
        if (wanted.empty()) text += cat(one.container, " -> ", address_text(one), '\n');
        if (one.container == wanted) text += address_text(one) + "\n";
    }
    if (text.empty() && !wanted.empty())
        throw Error(ErrorKind::not_found,
                    cat("container ", quote(container.name), " does not publish ", quote(wanted)));
    print_output(text);
    return 0;
}

}  // namespace minirun
