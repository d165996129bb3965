// LayerView: what a layer adds to those below it.
#include <fcntl.h>

#include <cerrno>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "image/open_directory.hpp"
#include "image/overlay_attributes.hpp"

namespace minirun {

struct LayerView::Census {
    std::size_t layer;
    const SeeChange& see;
    LayerStats stats;
    std::set<std::pair<dev_t, ino_t>> linked;  // files with several names that were counted

    struct Pending {
        std::string path;
        Parts below;  // the directory at `path` as the layers below have it, if they do
    };
    std::vector<Pending> pending;  // no recursion: a layer can nest 2000 deep

    void count_bytes(const struct stat& status) {
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 && !linked.emplace(status.st_dev, status.st_ino).second) {
            stats.hard_links++;
            return;
        }
        if (S_ISREG(status.st_mode)) stats.bytes += static_cast<std::uint64_t>(status.st_size);
        stats.disk_bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;  // stat(2): units of 512 bytes
    }
};

LayerStats LayerView::layer_stats(std::size_t index, const SeeChange& see) {
    Census census{index, see, {}, {}, {}};
    census.pending.push_back({"", layers_below(index)});
    while (!census.pending.empty()) {
        const auto next = std::move(census.pending.back());
        census.pending.pop_back();
        count_directory(census, next.path, next.below);
    }
    return census.stats;
}

void LayerView::count_directory(Census& census, const std::string& path, const Parts& below) {
    auto& stats = census.stats;
    int error = 0;
    auto fd = open_in_layer(census.layer, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, error);
    if (!fd && (error == EACCES || error == EPERM || error == ENAMETOOLONG)) {
        stats.unreadable++;
        return;
    }
    if (!fd) cannot_read(census.layer, path, error);
    if (!path.empty() && is_opaque(fd.get())) stats.opaque_directories++;

    for (const auto& [name, status] : read_directory(std::move(fd))) {
        const auto child = path.empty() ? name : cat(path, '/', name);
        if (S_ISDIR(status.st_mode)) {
            auto child_below = parts_in(below, child);
            if (child_below.empty()) stats.directories_added++;
            census.count_bytes(status);
            census.pending.push_back({child, std::move(child_below)});
            continue;
        }
        const bool replaces = find_in(below, child).has_value();
        const auto tell = [&](LayerEvent::What what) {
            if (replaces && census.see) census.see(cat('/', child), what);
        };
        if (is_whiteout(census.layer, child, status)) {
            stats.whiteouts++;
            if (replaces) stats.deleted++;
            tell(LayerEvent::What::deletes);
            continue;
        }
        (replaces ? stats.changed : stats.added)++;
        tell(LayerEvent::What::replaces);
        census.count_bytes(status);
    }
}

}  // namespace minirun
