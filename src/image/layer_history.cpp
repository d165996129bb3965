// LayerView: what happened to one path, layer by layer.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "image/overlay_attributes.hpp"

namespace minirun {
namespace {

// "a", "a/b", "a/b/c" of "a/b/c"; of the root just "".
std::vector<std::string> prefixes_of(const std::string& path) {
    std::vector<std::string> all;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
        all.push_back(path.substr(0, slash));
    all.push_back(path);
    return all;
}

}  // namespace

// Goes up through the layers and remembers what is to be seen at the path so far.
class LayerView::Past {
public:
    Past(LayerView& view, const std::string& path) : view_(view), prefixes_(prefixes_of(path)) {}

    std::optional<LayerEvent> add(std::size_t layer) {
        using What = LayerEvent::What;
        const auto sight = look(layer);
        const auto below = visible_;
        LayerEvent event{layer, sight.hides, cat('/', sight.at), sight.status, false};
        if (!sight.has_path) {
            const bool whiteout_of_nothing = !below && sight.hides == What::deletes && sight.at == prefixes_.back();
            if (!sight.hides_below || (!below && !whiteout_of_nothing)) return std::nullopt;
            if (whiteout_of_nothing) event.what = What::nothing;
            visible_.reset();
            return event;
        }
        visible_ = sight.status.st_mode;
        const bool both_directories = below && S_ISDIR(*below) && S_ISDIR(sight.status.st_mode);
        if (!below)
            event.what = What::adds;
        else if (!both_directories)
            event.what = What::replaces;
        else
            event.what = sight.hides_below ? What::opaque : What::merges;
        if (event.what != What::opaque) event.at = cat('/', prefixes_.back());
        return event;
    }

private:
    struct Sight {
        bool has_path = false;
        bool hides_below = false;
        LayerEvent::What hides = LayerEvent::What::nothing;  // how it hides what is below, and at which prefix
        std::string at;
        struct stat status = {};
    };

    // What one layer has at the path, or on the way to it.
    Sight look(std::size_t layer) {
        using What = LayerEvent::What;
        Sight sight;
        const auto hide = [&](What how, const std::string& at) {
            sight.hides_below = true;
            sight.hides = how;
            sight.at = at;
        };
        for (const auto& prefix : prefixes_) {
            const bool last = &prefix == &prefixes_.back();
            if (!stat_in(layer, prefix, sight.status)) break;
            if (view_.is_whiteout(layer, prefix, sight.status)) {
                hide(What::deletes, prefix);
                break;
            }
            sight.has_path = last;
            if (!S_ISDIR(sight.status.st_mode)) {
                if (!last) hide(What::replaces, prefix);
                break;
            }
            if (!prefix.empty() && opaque_in(layer, prefix)) hide(What::opaque, prefix);
        }
        return sight;
    }

    bool stat_in(std::size_t layer, const std::string& path, struct stat& status) {
        int error = 0;
        const auto fd = view_.open_in_layer(layer, path, O_PATH | O_NOFOLLOW, error);
        if (!fd && error != ENOENT && error != ENAMETOOLONG) view_.cannot_read(layer, path, error);
        return fd && fstat(fd.get(), &status) == 0;
    }

    bool opaque_in(std::size_t layer, const std::string& path) {
        int error = 0;
        const auto fd = view_.open_in_layer(layer, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, error);
        return fd && is_opaque(fd.get());
    }

    LayerView& view_;
    std::vector<std::string> prefixes_;
    std::optional<mode_t> visible_;
};

std::vector<LayerEvent> LayerView::history(std::string_view path) {
    const auto resolution = resolve(path, false);
    Past past(*this, resolution.path.substr(1));
    std::vector<LayerEvent> events;
    for (std::size_t layer = 0; layer < layers_.size(); layer++) {
        auto event = past.add(layer);
        if (!event) continue;
        event->visible = resolution.entry && resolution.entry->layer == layer;
        events.push_back(std::move(*event));
    }
    std::reverse(events.begin(), events.end());
    return events;
}

}  // namespace minirun
