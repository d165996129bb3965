// minirun rmi: images out of the store.
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

constexpr OptionWords rmi_options[] = {
    {'f', "force", "", "by an id, also an image that has several names"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords prune_options[] = {
    {'a', "all", "", "all images that no container uses, not only those without a name"},
    {'f', "force", "", "taken for Docker's sake: nothing is asked"},
    {0, "help", "", "print this text"},
};

void print_lines(const Removed& removed) {
    for (const auto& line : removed) print_output(line + "\n");
}

void remove_and_tell(const ImageStore& store, const std::string& name, bool force) {
    const auto id = store.find(name);
    const auto removed = remove_image(store, default_paths().containers, name, force);
    constexpr std::string_view untagged = "Untagged: ";
    for (const auto& line : removed) {
        if (line.starts_with(untagged)) tell_image_event(id.value_or(""), line.substr(untagged.size()), "untag");
        if (id && line == cat("Deleted: sha256:", *id)) tell_image_event(*id, "", "delete");
    }
    print_lines(removed);
}

}  // namespace

int rmi_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(rmi_options, argc, argv);
    bool force = false;
    for (const auto& given : line.options) {
        if (rmi_options[given.index].name == "help") {
            print_output(
                cat("Usage: minirun rmi [OPTIONS] IMAGE…\n"
                    "\n"
                    "Takes a name away from an image, and with its last name the image and the layers\n"
                    "that no other one has.\n"
                    "\n"
                    "Options:\n",
                    options_help(rmi_options)));
            return 0;
        }
        force = given.on;
    }
    if (line.arguments.empty()) throw Error(ErrorKind::usage, "minirun rmi takes the images that are to go");
    const ImageStore store(default_paths().data);
    int code = 0;
    for (const auto& name : line.arguments) try {
            remove_and_tell(store, name, force);
        } catch (const Error& error) {
            print_error("minirun", error);
            code = exit_code(error.kind());
        }
    return code;
}

int image_prune_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(prune_options, argc, argv);
    bool all = false;
    for (const auto& given : line.options) {
        const auto name = prune_options[given.index].name;
        if (name == "help") {
            print_output(
                cat("Usage: minirun image prune [OPTIONS]\n"
                    "\n"
                    "Removes images without a name, and layers that no image has.\n"
                    "\n"
                    "Options:\n",
                    options_help(prune_options)));
            return 0;
        }
        if (name == "all") all = given.on;
    }
    const ImageStore store(default_paths().data);
    std::uint64_t before = 0, after = 0;
    for (const auto& key : store.all_layers()) before += layer_size(store, key);
    for (const auto& image : stored_images(store)) {
        if (!all && !image.tags.empty()) continue;
        try {
            remove_and_tell(store, image.id, true);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::conflict) throw;
        }
    }
    Removed removed;
    remove_unused_layers(store, removed);
    print_lines(removed);
    for (const auto& key : store.all_layers()) after += layer_size(store, key);
    print_output(cat("Total reclaimed space: ", decimal_size(before - after), '\n'));
    return 0;
}

}  // namespace minirun
