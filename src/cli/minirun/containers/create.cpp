// minirun create, and run --detach.
#include "cli/minirun/containers/create.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/background.hpp"
#include "cli/render.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// What only a command that waits for the end could do.
void refuse_what_waits(const RunCommand& command, std::string_view what) {
    const auto& options = command.options;
    const std::pair<bool, std::string_view> given[] = {
        {!command.report.empty(), "--report"},
        {options.report_denied, "--report-denied"},
        {options.report_diff, "--report-diff"},
        {!options.artifacts.empty(), "--artifacts"},
        {options.timings, "--timings"},
        {!options.pidfile.empty(), "--pidfile"},
        {!command.stdin_file.empty(), "--stdin"},
        {!command.stdout_file.empty(), "--stdout"},
        {!command.stderr_file.empty(), "--stderr"},
        {command.dry_run, "--dry-run"},
    };
    for (const auto& [is_given, name] : given)
        if (is_given)
            throw Error(ErrorKind::usage, cat(name, " has no meaning with ", what),
                        "it is for a container in the foreground; minirun logs, wait and inspect tell of this one");
}

}  // namespace

std::string create_container(const Image& image, RunCommand command, std::string_view what) {
    refuse_what_waits(command, what);
    command.options.detach = true;
    return Containers().create(image, command.options);
}

int run_in_background(const Image& image, const RunCommand& command) {
    const auto id = create_container(image, command, "--detach");
    try {
        start_in_background(id);
    } catch (const Error&) {
        // Nobody would look for what has never run.
        try {
            Containers().remove(id, true);
        } catch (const Error&) {
        }
        throw;
    }
    print_output(id + "\n");
    return 0;
}

int create_command(int argc, char** argv) {
    const auto command = parse_run(argc, argv);
    if (command.help) {
        print_output(run_help("create", "Makes a container that does not run yet, and prints its id."));
        return 0;
    }
    const auto image = command.options.rootfs ? open_plain_rootfs(*command.options.rootfs) : open_image(command.image);
    print_output(create_container(image, command, "create") + "\n");
    return 0;
}

}  // namespace minirun
