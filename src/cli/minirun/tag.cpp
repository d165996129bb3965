// minirun tag: another name for an image.
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/render.hpp"
#include "image/find_image.hpp"
#include "image/reference.hpp"
#include "image/store.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

}  // namespace

int tag_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    if (!line.options.empty()) {
        print_output(
            cat("Usage: minirun tag IMAGE NAME[:TAG]\n\nGives an image of the store another name.\n\nOptions:\n",
                options_help(options)));
        return 0;
    }
    if (line.arguments.size() != 2) throw Error(ErrorKind::usage, "minirun tag takes an image and its new name");
    const ImageStore store(default_paths().data);
    const auto id = need_stored_image(store, line.arguments[0]);
    const auto name = parse_new_name(line.arguments[1]);
    store.set_tag(name.full(), id);
    tell_image_event(id, name.familiar(), "tag");
    return 0;
}

}  // namespace minirun
