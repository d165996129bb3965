#include <cstdio>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/run_options.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"

namespace minirun {

int run_command(int argc, char** argv) {
    const auto command = parse_run(argc, argv);
    if (command.help) {
        std::fputs(run_help().c_str(), stdout);
        return 0;
    }
    const auto image = command.options.rootfs ? open_plain_rootfs(*command.options.rootfs) : open_image(command.image);
    if (command.dry_run) {
        std::fputs(plan_of_run(image, command.options, command.json).c_str(), stdout);
        return 0;
    }
    return run(image, command.options).exit_code();
}

}  // namespace minirun
