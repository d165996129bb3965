// minirun generate systemd: to start at boot, and again behind a failure, is systemd's work.
#include <cstdlib>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/render.hpp"
#include "kernel/names.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

// In quotes, for systemd.syntax(7): '%' would begin a specifier, and '$' a variable.
std::string quoted(std::string_view word) {
    std::string text = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '%' || c == '$') text += c;
        text += c;
    }
    return text + '"';
}

// The supervisor is the service's process, so systemd sees what becomes of it. With a restart of its own it does that
// itself; systemd is for when it is killed.
std::string unit_of(const ContainerDetails& container) {
    const auto& name = container.summary.name;
    const auto program = quoted(read_link("/proc/self/exe"));
    const char* root = std::getenv("MINIRUN_ROOT");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(container.stop_timeout).count();
    return cat("# ", name, ".service: install it in /etc/systemd/system, then systemctl enable --now ", name,
               "\n"
               "[Unit]\n"
               "Description=container ",
               name,
               "\n"
               "Wants=network-online.target\n"
               "After=network-online.target\n"
               "\n"
               "[Service]\n"
               "Type=exec\n",
               root != nullptr ? cat("Environment=", quoted(cat("MINIRUN_ROOT=", root)), '\n') : "",
               "ExecStart=", program, " supervise ", name, "\nExecStop=", program, " stop ", name,
               "\n"
               "Restart=on-failure\n"
               "SuccessExitStatus=143\n"
               "TimeoutStopSec=",
               seconds + 30,
               "\n"
               "KillMode=mixed\n"
               "Delegate=yes\n"
               "\n"
               "[Install]\n"
               "WantedBy=multi-user.target\n");
}

}  // namespace

int generate_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"generate systemd CONTAINER", "Prints a unit of systemd that runs a container from the boot on.", options},
        argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 2 || line->arguments[0] != "systemd")
        throw Error(ErrorKind::usage, "minirun generate makes units of systemd only",
                    "write minirun generate systemd CONTAINER");
    print_output(unit_of(Containers().inspect(line->arguments[1])));
    return 0;
}

}  // namespace minirun
