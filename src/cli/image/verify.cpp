// minirun image verify: does the store hold what was loaded?
#include "archive/verify_image.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/need_root.hpp"
#include "cli/render.hpp"
#include "image/find_image.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

}  // namespace

int verify_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    if (!line.options.empty()) {
        print_output(
            cat("Usage: minirun image verify [IMAGE…]\n"
                "\n"
                "Reads images of the store, or all of them, and tells what is not as it was loaded:\n"
                "digests, and of each file content, type, mode, owner, time and attributes. The\n"
                "exit code is 1 if there is anything.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    need_root("image verify", "to read all and to make files with their owners");
    const ImageStore store(default_paths().data);
    std::vector<std::string> ids;
    for (const auto& name : line.arguments) ids.push_back(need_stored_image(store, name));
    if (line.arguments.empty()) ids = store.all_images();
    const auto tell = [](const std::string& difference) { print_output(difference + "\n"); };
    auto found = verify_images(store, ids, tell);
    if (line.arguments.empty()) found.differences += verify_names(store, tell);
    print_output(cat(found.images, found.images == 1 ? " image, " : " images, ", found.layers,
                     found.layers == 1 ? " layer: " : " layers: ",
                     found.differences == 0
                         ? std::string("no difference")
                         : cat(found.differences, found.differences == 1 ? " difference" : " differences"),
                     "\n"));
    return found.differences == 0 ? 0 : 1;
}

}  // namespace minirun
