#include "archive/import_image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <map>

#include "archive/directory_tar.hpp"
#include "archive/sha256.hpp"
#include "archive/store_writer.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "image/reference.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "minirun/image.hpp"
#include "model/config_change.hpp"

namespace minirun {
namespace {

Fd open_archive(const std::string& path) {
    Fd file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && (errno == ENOENT || errno == ENOTDIR))
        throw Error(ErrorKind::not_found, cat("there is no file or directory ", quote(path)), "", ENOENT);
    if (!file) throw system_error(cat("cannot open ", quote(path)), errno);
    return file;
}

void must_be_whole(const DraftLayer& layer, const std::string& name) {
    if (layer.unpacked.links_below.empty()) return;
    const auto& [path, target] = *layer.unpacked.links_below.begin();
    throw Error(ErrorKind::bad_input, cat(name, ": the entry ", quote(path), " is a hard link to ", quote(target),
                                          ", which is not in the archive before it"));
}

DraftLayer unpack_root(StoreWriter& writer, const std::string& path, const ImportOptions& options) {
    if (path != "-" && is_directory(path)) {
        DirectoryTar tar(path, TreeForm::root, writer.store().data());
        return writer.unpack(tar, quote(path), options.limits);
    }
    const auto name = path == "-" ? std::string("the archive on standard input") : quote(path);
    const auto file = open_archive(path);
    PipeSource source(file.get());
    auto layer = writer.unpack_blob(source, name, options.limits, false, nullptr);
    must_be_whole(layer, name);
    return layer;
}

Json config_of(const ImportOptions& options, const std::string& from, const std::string& diff_id) {
    const auto created = rfc3339(std::chrono::system_clock::now());
    auto config = Json::object();
    apply_changes(config, options.changes);
    const auto comment = options.message.empty() ? "Imported from " + from : options.message;
    Json document{{"architecture", options.architecture},
                  {"comment", comment},
                  {"config", config},
                  {"created", created},
                  {"history", {{{"created", created}, {"comment", comment}}}},
                  {"os", options.os},
                  {"rootfs", {{"type", "layers"}, {"diff_ids", {diff_id}}}}};
    if (!options.variant.empty()) document["variant"] = options.variant;
    return document;
}

std::string publish(StoreWriter& writer, const std::string& config, const std::string& created,
                    const std::vector<std::string>& diff_ids, const std::vector<std::string>& keys) {
    const StoreWriter::NewImage image{config, sha256_digest(config).substr(7), created, diff_ids, keys};
    writer.publish_image(image);
    return image.id;
}

// "Web Site" -> "web-site": a bundle's directory as the name of an image; empty if that gives none.
std::string name_of(const std::string& directory) {
    std::string name;
    for (const char c : directory.substr(directory.rfind('/') + 1)) {
        const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        name += std::isalnum(static_cast<unsigned char>(lower)) != 0 || lower == '_' || lower == '.' ? lower : '-';
    }
    try {
        return parse_reference(name).full();
    } catch (const Error&) {
        return "";
    }
}

}  // namespace

std::string import_image(const ImageStore& store, const std::string& path, const ImportOptions& options) {
    // Before the long work: what is wrong with them is known at once.
    auto tried = Json::object();
    apply_changes(tried, options.changes);
    must_be_text("--message", options.message);
    StoreWriter writer(store);
    const auto layer = unpack_root(writer, path, options);
    const auto config = config_of(options, printable(path), layer.diff_id);
    // The lowest layer is its own chain.
    const auto key = layer.needs_others() ? chain_key(layer.diff_id) : own_key(layer.diff_id);
    if (options.dedup) writer.share_blocks();
    if (!store.has_layer(key)) {
        writer.sync();
        writer.publish_layer(layer, key);
    }
    auto id = publish(writer, config.dump(), config["created"].get<std::string>(), {layer.diff_id}, {key});
    if (!options.name.empty()) store.set_tag(options.name, id);
    return id;
}

StoredBundle store_bundle(StoreWriter& writer, const Image& bundle, const Limits& limits) {
    check_layer_limit(bundle.layers.size(), limits);
    const auto& store = writer.store();
    StoredBundle stored;
    std::map<std::string, DraftLayer> drafts;
    for (const auto& layer : bundle.layers) {
        DirectoryTar tar(layer.path, TreeForm::layer, store.data());
        auto draft = writer.unpack(tar, cat("layer ", quote(layer.name)), limits);
        stored.diff_ids.push_back(draft.diff_id);
        stored.keys.push_back(own_key(draft.diff_id));
        if (!store.has_layer(stored.keys.back())) drafts.emplace(stored.keys.back(), std::move(draft));
    }
    if (!drafts.empty()) writer.sync();
    for (const auto& [key, draft] : drafts) writer.publish_layer(draft, key);
    stored.new_layers = drafts.size();
    stored.config = read_file(bundle.config_file, limits.json);
    if (bundle.config.diff_ids != stored.diff_ids) {
        auto config = parse_json(stored.config, bundle.config_file, limits.depth_of_json());
        config["rootfs"] = {{"type", "layers"}, {"diff_ids", stored.diff_ids}};
        stored.config = config.dump();
    }
    return stored;
}

LoadedImage load_bundle(const ImageStore& store, const std::string& directory, const LoadOptions& options) {
    const auto bundle = open_image(directory.find('/') == std::string::npos ? "./" + directory : directory);
    if (bundle.form != Image::Form::image_config)
        throw Error(ErrorKind::unsupported,
                    cat("the config.json of ", quote(directory), " is not an image's config, so it makes no image"),
                    "an OCI or Docker image config is needed");
    StoreWriter writer(store);
    if (options.dedup) writer.share_blocks();
    const auto stored = store_bundle(writer, bundle, options.limits);
    LoadedImage loaded;
    loaded.new_layers = stored.new_layers;
    loaded.layers = stored.diff_ids.size();
    const auto config = parse_json(stored.config, bundle.config_file, options.limits.depth_of_json());
    const auto created =
        config.contains("created") && config["created"].is_string() ? config["created"].get<std::string>() : "";
    loaded.id = publish(writer, stored.config, created, stored.diff_ids, stored.keys);
    if (const auto name = name_of(bundle.directory); !name.empty()) loaded.names.push_back(name);
    loaded.names.insert(loaded.names.end(), options.tags.begin(), options.tags.end());
    for (const auto& name : loaded.names) store.set_tag(name, loaded.id);
    return loaded;
}

}  // namespace minirun
