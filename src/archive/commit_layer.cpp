#include "archive/commit_layer.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>

#include "archive/directory_tar.hpp"
#include "archive/import_image.hpp"
#include "archive/load_image.hpp"
#include "archive/sha256.hpp"
#include "archive/store_writer.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/config_change.hpp"

namespace minirun {
namespace {

// A key without a value is left out.
void set_text(Json& document, const char* key, const std::string& text) {
    document.erase(key);
    if (!text.empty()) document[key] = text;
}

Json history_entry(const CommitSource& source, const CommitOptions& options, const std::string& created) {
    Json entry{{"created", created}};
    set_text(entry, "created_by", source.created_by);
    set_text(entry, "author", options.author);
    set_text(entry, "comment", options.message);
    return entry;
}

// Of the config of the image below, whatever else is in it.
Json config_above(Json document, const CommitSource& source, const CommitOptions& options, const std::string& diff_id) {
    const auto created = rfc3339(std::chrono::system_clock::now());
    document["created"] = created;
    set_text(document, "author", options.author);
    set_text(document, "comment", options.message);
    if (!document["config"].is_object()) document["config"] = Json::object();
    apply_changes(document["config"], options.changes);
    document["rootfs"]["diff_ids"].push_back(diff_id);
    if (!document["history"].is_array()) document["history"] = Json::array();
    document["history"].push_back(history_entry(source, options, created));
    return document;
}

// Of a container that has not run yet, with the looks that its root would have.
std::string empty_layer(const StoreWriter& writer) {
    auto path = writer.scratch() + "/upper";
    if (::mkdir(path.c_str(), 0755) < 0 || ::chmod(path.c_str(), 0755) < 0)
        throw system_error(cat("cannot make the directory ", quote(path)), errno);
    return path;
}

// What the container runs.
struct Below {
    Json config;
    std::vector<std::string> diff_ids, keys;
    Fd held;  ///< as long as an image of the store is needed
};

Below image_below(const ImageStore& store, const std::string& id) {
    Below below;
    below.held = hold_image(store, id);
    if (!below.held) throw Error(ErrorKind::not_found, cat("the image ", id, " was removed just now"));
    below.config = stored_config(store, id);
    for (const auto& one : stored_layers(store, id)) {
        below.diff_ids.push_back(one.diff_id);
        below.keys.push_back(one.key);
    }
    return below;
}

Below bundle_below(StoreWriter& writer, const Image& bundle, const Limits& limits) {
    auto stored = store_bundle(writer, bundle, limits);
    return {parse_json(stored.config, bundle.config_file, limits.depth_of_json()), std::move(stored.diff_ids),
            std::move(stored.keys), Fd()};
}

}  // namespace

void check(const CommitOptions& options) {
    auto tried = Json::object();
    apply_changes(tried, options.changes);
    must_be_text("--message", options.message);
    must_be_text("--author", options.author);
}

std::string commit_layer(const ImageStore& store, const CommitSource& source, const CommitOptions& options) {
    StoreWriter writer(store);
    const auto below =
        source.bundle ? bundle_below(writer, *source.bundle, options.limits) : image_below(store, source.image_id);
    check_layer_limit(below.keys.size() + 1, options.limits);

    DirectoryTar tar(is_directory(source.upper) ? source.upper : empty_layer(writer), TreeForm::writable_layer,
                     store.data());
    const auto layer = writer.unpack(tar, "the container's writable layer", options.limits);
    // It mentions every directory and holds all of its files, so it is the same on top of whatever layers.
    const auto key = own_key(layer.diff_id);
    if (!store.has_layer(key)) {
        writer.sync();
        writer.publish_layer(layer, key);
    }

    const auto document = config_above(below.config, source, options, layer.diff_id);
    const auto config = document.dump();
    StoreWriter::NewImage image{config, sha256_digest(config).substr(7), document["created"].get<std::string>(),
                                below.diff_ids, below.keys};
    image.diff_ids.push_back(layer.diff_id);
    image.keys.push_back(key);
    writer.publish_image(image);
    if (!options.name.empty()) store.set_tag(options.name, image.id);
    return image.id;
}

}  // namespace minirun
