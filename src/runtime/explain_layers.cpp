// explain(): the layers, and which of them a path comes from.
#include <algorithm>
#include <tuple>

#include "base/file.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "image/store.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/explain.hpp"
#include "runtime/make_request.hpp"

namespace minirun {
namespace {

// A digest as lists of images show it.
std::string short_name(const std::string& name) {
    constexpr std::string_view digest = "sha256-";
    return name.starts_with(digest) && name.size() == digest.size() + 64 ? name.substr(digest.size(), 12) : name;
}

bool is_shared(const Image& image, const Layer& layer) {
    if (image.id.empty())
        // The root of a runtime bundle may be anywhere: that it lies elsewhere does not mean that others use it.
        return image.form != Image::Form::runtime_bundle && !is_at_or_below(layer.path, image.directory);
    const ImageStore store(default_paths().data);
    // "…/layers/KEY/tree"
    const auto directory = layer.path.substr(0, layer.path.rfind('/'));
    const auto in_store = cat(directory.substr(directory.rfind('/')), "/tree");
    const auto ids = store.all_images();
    return std::any_of(ids.begin(), ids.end(), [&](const std::string& id) {
        return id != image.id && read_link(cat(store.image_directory(id), "/layers/", layer.name)).ends_with(in_store);
    });
}

LayerFacts facts_of(const ExplainSources& sources, std::size_t index, Examples& examples) {
    const auto& layer = sources.view.layers()[index];
    LayerFacts facts;
    facts.name = short_name(layer.name);
    facts.path = layer.path;
    facts.shared = is_shared(sources.image, layer);
    try {
        const auto stats = sources.view.layer_stats(
            index, [&](const std::string& path, LayerEvent::What what) { examples.see(path, what, index); });
        facts.bytes = stats.bytes;
        facts.added = stats.added;
        facts.changed = stats.changed;
        facts.deleted = stats.deleted;
        facts.whiteouts = stats.whiteouts;
        facts.opaque_directories = stats.opaque_directories;
        facts.directories_added = stats.directories_added;
        facts.hard_links = stats.hard_links;
        facts.unreadable_directories = stats.unreadable;
    } catch (const Error& error) {
        facts.problem = error.message();
    }
    return facts;
}

bool is_read_only(const MountSpec& mount) {
    bool read_only = false;
    for (const auto& word : mount.options) {
        if (word == "ro" || word == "rro") read_only = true;
        if (word == "rw" || word == "rrw") read_only = false;
    }
    return read_only;
}

MountFacts facts_of(const MountSpec& mount) {
    const bool bind = is_bind(mount);
    return {mount.destination, bind ? "bind" : mount.type, bind ? mount.source : "", is_read_only(mount)};
}

RootfsFacts::Upper upper_of(const RootSource& root) {
    if (root.kind == RootSource::Kind::directory) return RootfsFacts::Upper::in_place;
    switch (root.upper) {
        case RootSource::Upper::disk: return RootfsFacts::Upper::disk;
        case RootSource::Upper::memory: return RootfsFacts::Upper::memory;
        case RootSource::Upper::none: break;
    }
    return RootfsFacts::Upper::none;
}

// os-release(5) of what `read` reads. An image may have any file there: one that is too long or cannot be read is as
// good as none.
template <class Read>
std::string operating_system(const Read& read) {
    for (const std::string path : {"/etc/os-release", "/usr/lib/os-release"}) {
        try {
            if (const std::optional<std::string> text = read(path)) return pretty_name(*text);
        } catch (const Error&) {
            continue;
        }
    }
    return "";
}

PathFacts::Type type_of(const Entry& entry) {
    if (entry.is_directory()) return PathFacts::Type::directory;
    if (entry.is_symlink()) return PathFacts::Type::symlink;
    return entry.is_regular() ? PathFacts::Type::file : PathFacts::Type::other;
}

PathFacts::Event::What what_of(LayerEvent::What what) {
    using From = LayerEvent::What;
    using To = PathFacts::Event::What;
    switch (what) {
        case From::adds: return To::adds;
        case From::replaces: return To::replaces;
        case From::merges: return To::merges;
        case From::opaque: return To::opaque;
        case From::deletes: return To::deletes;
        case From::nothing: break;
    }
    return To::nothing;
}

void look_up(LayerView& view, PathFacts& facts) {
    const auto found = view.resolve(facts.asked, false);
    const auto& layers = view.layers();
    facts.path = found.path;
    if (found.entry) {
        facts.type = type_of(*found.entry);
        facts.layer = layers[found.entry->layer].name;
        if (facts.type == PathFacts::Type::file) facts.bytes = static_cast<std::uint64_t>(found.entry->status.st_size);
    }
    if (facts.type == PathFacts::Type::symlink) {
        const auto end = view.resolve(facts.asked);
        facts.leads_to = end.path;
        if (end.entry) facts.leads_to_layer = layers[end.entry->layer].name;
    }
    for (const auto& event : view.history(facts.asked))
        facts.history.push_back({layers[event.layer].name, what_of(event.what), event.at, event.visible});
}

// Of the directories below the root, the one that most layers have a part of; empty if no two share any.
std::string most_merged_directory(LayerView& view) {
    std::string best;
    std::size_t most = 1;
    for (const auto& entry : view.list("/")) {
        if (!S_ISDIR(entry.type)) continue;
        const auto path = cat('/', entry.name);
        const auto parts = view.directory_stack(path).size();
        if (parts > most) most = parts, best = path;
    }
    return best;
}

}  // namespace

// What is below /var is mostly the bookkeeping of package managers. High layers are the image's own, low ones its base.
bool Examples::Candidate::better_than(const Candidate& other) const {
    const auto rank = [](const Candidate& one) {
        const bool is_data = one.path.starts_with("/var/");
        const auto depth = std::count(one.path.begin(), one.path.end(), '/');
        return std::tuple(is_data, ~one.layer, depth, std::string_view(one.path));
    };
    return other.path.empty() || rank(*this) < rank(other);
}

void Examples::see(const std::string& path, LayerEvent::What what, std::size_t layer) {
    auto& best = what == LayerEvent::What::deletes ? deleted_ : replaced_;
    Candidate candidate{path, layer};
    if (candidate.better_than(best)) best = std::move(candidate);
}

RootfsFacts explain_rootfs(const ExplainSources& sources, Examples& examples) {
    const auto& request = sources.request;
    RootfsFacts facts;
    for (std::size_t i = 0; i < sources.view.layers().size(); i++) {
        facts.layers.push_back(facts_of(sources, i, examples));
        facts.bytes += facts.layers.back().bytes;
    }
    facts.upper = upper_of(request.root);
    facts.read_only = request.spec.root.readonly || facts.upper == RootfsFacts::Upper::none;
    facts.operating_system =
        operating_system([&](const std::string& path) { return sources.view.read_file(path, max_etc_file); });
    facts.host_operating_system =
        operating_system([](const std::string& path) { return read_optional_file(path, max_etc_file); });
    for (const auto& mount : request.spec.mounts) facts.mounts.push_back(facts_of(mount));
    for (const auto& file : request.etc_files) facts.provided_files.push_back(file.path);
    return facts;
}

// os-release(5): assignments of a shell, the value in double or single quotes or in none.
std::string pretty_name(std::string_view os_release) {
    constexpr std::string_view key = "PRETTY_NAME=";
    std::string name;
    for (const auto& line : split(os_release, '\n')) {
        if (!line.starts_with(key)) continue;
        name.clear();
        char quoted_by = 0;
        for (std::size_t i = key.size(); i < line.size(); i++) {
            const char c = line[i];
            if (c == '\\' && quoted_by != '\'' && i + 1 < line.size())
                name += line[++i];
            else if (quoted_by == 0 && (c == '"' || c == '\''))
                quoted_by = c;
            else if (c == quoted_by)
                quoted_by = 0;
            else
                name += c;
        }
    }
    return name;
}

const MountSpec* mount_over(const LaunchRequest& request, const std::string& path) {
    const MountSpec* cover = nullptr;
    for (const auto& mount : request.spec.mounts)  // a later one lies over an earlier one
        if (is_at_or_below(path, mount.destination)) cover = &mount;
    return cover;
}

std::string covering(const LaunchRequest& request, const std::string& path) {
    for (const auto& file : request.etc_files)
        if (file.path == path) return file.path;
    const auto* mount = mount_over(request, path);
    return mount != nullptr ? mount->destination : "";
}

PathFacts explain_path(const ExplainSources& sources, const std::string& path) {
    PathFacts facts;
    facts.asked = path;
    facts.path = clean_path(path);
    try {
        look_up(sources.view, facts);
    } catch (const Error& error) {
        facts.problem = error.message();
    }
    facts.covered_by = covering(sources.request, facts.path);
    return facts;
}

std::vector<PathFacts> explain_examples(const ExplainSources& sources, const Examples& examples) {
    std::vector<PathFacts> all;
    for (const auto& path : {examples.replaced(), examples.deleted(), most_merged_directory(sources.view)}) {
        const bool shown = std::any_of(all.begin(), all.end(), [&](const PathFacts& one) { return one.asked == path; });
        if (path.empty() || shown) continue;
        all.push_back(explain_path(sources, path));
        all.back().example = true;
    }
    return all;
}

}  // namespace minirun
