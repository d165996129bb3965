// LayerView: merged directories.
#include <fcntl.h>

#include <cerrno>
#include <map>

#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "image/open_directory.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"

namespace minirun {

std::vector<DirectoryEntry> LayerView::list(std::string_view path) {
    const auto resolution = resolve(path);
    if (!resolution.entry || !resolution.entry->is_directory())
        throw Error(ErrorKind::not_found, cat("the image has no directory ", quote(path), ": ",
                                              errno_text(resolution.error != 0 ? resolution.error : ENOTDIR)));

    const auto directory = resolution.path.substr(1);
    std::map<std::string, DirectoryEntry> names;  // the topmost of each name; type 0 is a whiteout
    for (const auto layer : parts_of(directory)) {
        int error = 0;
        auto fd = open_in_layer(layer, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, error);
        if (!fd) cannot_read(layer, directory, error);
        for (const auto& found : read_directory(std::move(fd))) {
            if (names.contains(found.name)) continue;
            const auto child = directory.empty() ? found.name : cat(directory, '/', found.name);
            const bool hidden = is_whiteout(layer, child, found.status);
            names[found.name] = {found.name, layer, hidden ? 0 : found.status.st_mode & S_IFMT};
        }
    }
    std::vector<DirectoryEntry> all;
    for (auto& [name, entry] : names)
        if (entry.type != 0) all.push_back(std::move(entry));
    return all;
}

std::vector<std::string> LayerView::directory_stack(std::string_view path) {
    std::vector<std::string> stack;
    const auto entry = lookup(path);
    if (!entry || !entry->is_directory()) return stack;
    for (const auto layer : parts_of(entry->path.substr(1))) {
        auto part = *entry;
        part.layer = layer;
        stack.push_back(host_path(part));
    }
    return stack;
}

}  // namespace minirun
