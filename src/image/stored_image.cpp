#include "image/stored_image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_facts = 4096;

// null if there are none.
Json layer_facts(const ImageStore& store, const std::string& key) try {
    const auto file = store.layer_directory(key) + "/layer.json";
    return parse_json(read_file(file, max_facts), file);
} catch (const Error&) {
    return {};
}

// 0 if it is not known.
std::uint64_t layer_fact(const ImageStore& store, const std::string& key, const char* fact) {
    const auto facts = layer_facts(store, key);
    Problems problems(key);
    return JsonView(facts, problems)[fact].unsigned_integer().value_or(0);
}

}  // namespace

void write_image_facts(const std::string& directory, std::uint64_t size, std::string_view created) {
    constexpr std::size_t longest = 64;  // RFC 3339 takes half of it
    const auto text = cat(size, ' ', printable(created.substr(0, longest)));
    if (::symlink(text.c_str(), (directory + "/facts").c_str()) < 0)
        throw system_error(cat("cannot make a link in ", quote(directory)), errno);
}

Json stored_config(const ImageStore& store, const std::string& id) {
    const auto file = store.image_directory(id) + "/config.json";
    return parse_json(read_file(file, largest_config), file, deepest_json);
}

std::map<std::string, std::string> layers_by_digest(const ImageStore& store) {
    std::map<std::string, std::string> keys;
    for (const auto& key : store.all_layers()) {
        const auto facts = layer_facts(store, key);
        Problems problems(key);
        for (const char* name : {"diffID", "blob"})
            if (const auto digest = JsonView(facts, problems)[name].string()) keys[*digest] = key;
    }
    return keys;
}

std::uint64_t layer_size(const ImageStore& store, const std::string& key) { return layer_fact(store, key, "size"); }

std::vector<StoredLayer> stored_layers(const ImageStore& store, const std::string& id) {
    const auto document = stored_config(store, id);
    Problems problems(id);
    std::vector<StoredLayer> layers;
    for (const auto& diff_id : parse_image_config(JsonView(document, problems)).diff_ids) {
        // "../../../layers/KEY/tree"
        const auto target = read_link(cat(store.image_directory(id), "/layers/sha256-", diff_id.substr(7)));
        const auto parts = split(target, '/');
        const auto key = parts.size() < 2 ? "" : parts[parts.size() - 2];
        layers.push_back({diff_id, key, layer_size(store, key), layer_fact(store, key, "archiveSize")});
    }
    return layers;
}

namespace {

// images/HEX/facts, from the open images/: with many of them, the way there is what takes its time.
std::string facts_in(int images, const std::string& id) {
    char text[128];
    const auto n = ::readlinkat(images, (id + "/facts").c_str(), text, sizeof text);
    return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

std::vector<StoredImage> stored_images(const ImageStore& store) {
    std::map<std::string, std::vector<std::string>> tags, digests;
    for (auto& tag : store.all_tags()) tags[tag.id].push_back(std::move(tag.name));
    for (auto& name : store.all_digests()) digests[name.id].push_back(std::move(name.name));
    std::vector<StoredImage> images;
    const Fd directory(::open(store.images().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const auto& id : store.all_images()) {
        const auto facts = facts_in(directory.get(), id);
        const auto blank = facts.find(' ');
        if (blank == std::string::npos) continue;  // removed meanwhile
        images.push_back({id, tags[id], digests[id], facts.substr(blank + 1),
                          parse_number<std::uint64_t>(facts.substr(0, blank)).value_or(0), 0});
    }
    for (auto& image : images) image.created_at = seconds_of(image.created);
    std::stable_sort(images.begin(), images.end(),
                     [](const StoredImage& a, const StoredImage& b) { return a.created_at > b.created_at; });
    return images;
}

}  // namespace minirun
