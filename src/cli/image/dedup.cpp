// minirun image dedup: identical files of the layers in the store share their blocks.
#include "archive/block_sharing.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/need_root.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

}  // namespace

int dedup_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    if (!line.options.empty()) {
        print_output(
            cat("Usage: minirun image dedup\n"
                "\n"
                "Lets identical files of different layers in the store share their blocks on disk,\n"
                "as load --dedup does it for what it loads.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun image dedup takes no arguments");
    need_root("image dedup", "to read and to link all files");
    std::size_t skipped = 0;
    const auto shared = share_blocks(ImageStore(default_paths().data), skipped);
    print_output(cat("Shared with other layers: ", shared.text(), '\n'));
    if (skipped > 0)
        print_notice("minirun", cat(skipped, skipped == 1 ? " layer is" : " layers are",
                                    " as before: in use just now, or not to be read"));
    return 0;
}

}  // namespace minirun
