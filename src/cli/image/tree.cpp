// minirun image tree: which images stand on which layers.
#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/find_image.hpp"
#include "image/reference.hpp"
#include "image/stored_image.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{0, "no-trunc", "", "digests in full"}, {0, "help", "", "print this text"}};

// A layer on those below it, with what stands on it.
struct Node {
    std::uint64_t size = 0;
    std::size_t images = 0;  ///< that have it here
    std::vector<std::string> names;
    std::map<std::string, Node> above;  ///< by DiffID
};

void add(Node& root, const ImageStore& store, const StoredImage& image) {
    Node* node = &root;
    for (const auto& layer : stored_layers(store, image.id)) {
        node = &node->above[layer.diff_id];
        node->size = layer.size;
        node->images++;
    }
    std::vector<std::string> names;
    for (const auto& tag : image.tags) names.push_back(parse_reference(tag).familiar());
    node->names.push_back(cat(names.empty() ? "<none>" : join(names, ", "), " (", image.id.substr(0, 12), ")"));
}

std::string shortened(const std::string& diff_id, bool whole) { return whole ? diff_id : diff_id.substr(7, 12); }

void draw(const Node& node, const std::string& indent, bool whole, std::string& text) {
    std::size_t left = node.above.size() + node.names.size();
    const auto branch = [&] { return indent + (--left == 0 ? "└─ " : "├─ "); };
    for (const auto& name : node.names) text += cat(branch(), printable(name), '\n');
    for (const auto& [diff_id, layer] : node.above) {
        const auto start = branch();
        text += cat(start, "layer ", shortened(diff_id, whole), "  ", decimal_size(layer.size),
                    layer.images > 1 ? cat("  shared by ", layer.images, " images") : "", '\n');
        draw(layer, indent + (left == 0 ? "   " : "│  "), whole, text);
    }
}

}  // namespace

int tree_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    bool whole = false;
    for (const auto& given : line.options) {
        if (options[given.index].name == "help") {
            print_output(
                cat("Usage: minirun image tree [OPTIONS] [IMAGE…]\n"
                    "\n"
                    "Draws the layers of the images in the store, or of these, the lowest first: what\n"
                    "several images stand on is there once, as it is on disk and in memory.\n"
                    "\n"
                    "Options:\n",
                    options_help(options)));
            return 0;
        }
        whole = given.on;
    }
    const ImageStore store(default_paths().data);
    std::vector<std::string> wanted;
    for (const auto& name : line.arguments) wanted.push_back(need_stored_image(store, name));
    Node root;
    for (const auto& image : stored_images(store))
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), image.id) != wanted.end())
            add(root, store, image);
    std::string text;
    draw(root, "", whole, text);
    print_output(text);
    return 0;
}

}  // namespace minirun
