// minirun image unpack: an image of the store becomes a bundle.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/copy_tree.hpp"
#include "base/file.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/image/need_root.hpp"
#include "cli/render.hpp"
#include "image/find_image.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

// A directory that is gone again unless all went well.
class NewDirectory {
public:
    explicit NewDirectory(const std::string& path) : path_(path) {
        if (::mkdir(path.c_str(), 0755) < 0)
            throw system_error(cat("cannot make the directory ", quote(path)), errno,
                               errno == EEXIST ? "name one that is not there yet" : "");
    }
    ~NewDirectory() {
        if (!kept_) remove_tree(path_);
    }
    NewDirectory(const NewDirectory&) = delete;
    NewDirectory& operator=(const NewDirectory&) = delete;
    void keep() { kept_ = true; }

private:
    std::string path_;
    bool kept_ = false;
};

// "003-1f5dd3726c96": in the order of the names, the lowest first.
std::string layer_name(std::size_t number, const std::string& diff_id) {
    const auto digits = cat(1000 + number);
    return cat(digits.substr(1), '-', diff_id.substr(7, 12));
}

}  // namespace

int unpack_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    if (!line.options.empty()) {
        print_output(
            cat("Usage: minirun image unpack IMAGE DIRECTORY\n"
                "\n"
                "Makes a bundle of an image in the store: a directory with config.json and copies\n"
                "of the layers, to be looked into, changed and run.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (line.arguments.size() != 2)
        throw Error(ErrorKind::usage, "minirun image unpack takes an image and a directory for the bundle");
    need_root("image unpack", "to make files with their owners and devices");
    const auto& name = line.arguments[0];
    const auto& directory = line.arguments[1];
    const ImageStore store(default_paths().data);
    const auto id = need_stored_image(store, name);
    const auto held = hold_image(store, id);
    if (!held) throw Error(ErrorKind::not_found, cat("the image ", quote(name), " was removed just now"));

    NewDirectory bundle(directory);
    NewDirectory layers(directory + "/layers");
    std::size_t number = 0;
    for (const auto& layer : stored_layers(store, id))
        copy_tree(store.layer_directory(layer.key) + "/tree",
                  cat(directory, "/layers/", layer_name(++number, layer.diff_id)));
    write_file_atomically(directory + "/config.json",
                          read_file(store.image_directory(id) + "/config.json", largest_config), 0644);
    layers.keep();
    bundle.keep();
    return 0;
}

}  // namespace minirun
