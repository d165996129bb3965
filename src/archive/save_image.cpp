#include "archive/save_image.hpp"

#include <algorithm>
#include <set>

#include "archive/sha256.hpp"
#include "archive/tar_record.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "image/find_image.hpp"
#include "image/reference.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";

struct Chosen {
    std::string id;
    std::vector<std::string> tags;  ///< Reference::full()
    Fd held;
};

// Images in the order in which they are named, each once.
class Choice {
public:
    explicit Choice(const ImageStore& store) : store_(store) {}

    void add(const std::string& name) {
        bool found = false;
        // Without a tag: all of them, as Docker does.
        if (name.find('@') == std::string::npos && name.find(':', name.rfind('/') + 1) == std::string::npos)
            for (const auto& tag : store_.all_tags())
                if (is_repository(name, tag.name) && store_.has_image(tag.id)) add(tag.id, tag.name), found = true;
        if (found) return;
        const auto id = need_stored_image(store_, name);
        // What has no tag: the manifest of the archive is another one, so a digest is no name for what is in it.
        const bool by_digest = name.find('@') != std::string::npos;
        const bool by_id = id.starts_with(name.starts_with("sha256:") ? name.substr(7) : name);
        add(id, by_id || by_digest ? "" : parse_reference(name).full());
    }

    std::vector<Chosen> take() { return std::move(images_); }

private:
    static bool is_repository(const std::string& name, const std::string& tag) {
        try {
            return parse_reference(name).repository() == parse_reference(tag).repository();
        } catch (const Error&) {
            return false;
        }
    }

    void add(const std::string& id, const std::string& tag) {
        auto image = std::find_if(images_.begin(), images_.end(), [&](const Chosen& one) { return one.id == id; });
        if (image == images_.end()) {
            auto held = hold_image(store_, id);
            if (!held)
                throw Error(ErrorKind::not_found, cat("the image ", quote(id.substr(0, 12)), " was removed just now"));
            image = images_.insert(image, {id, {}, std::move(held)});
        }
        if (!tag.empty() && std::find(image->tags.begin(), image->tags.end(), tag) == image->tags.end())
            image->tags.push_back(tag);
    }

    const ImageStore& store_;
    std::vector<Chosen> images_;
};

std::string blob_name(std::string_view digest) { return cat("blobs/sha256/", digest.substr(7)); }

class Saver {
public:
    Saver(const ImageStore& store, const TarWriter::Sink& sink) : store_(store), tar_(sink) {}

    void add(const Chosen& image) {
        const auto file = store_.image_directory(image.id) + "/config.json";
        const auto config = read_file(file, largest_config);
        Json layers = Json::array(), names = Json::array();
        for (const auto& layer : stored_layers(store_, image.id)) {
            add_layer(layer);
            names.push_back(blob_name(layer.diff_id));
            layers.push_back({{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
                              {"digest", layer.diff_id},
                              {"size", layer.archive_size}});
        }
        const auto config_digest = add_blob(config);
        if (config_digest != "sha256:" + image.id)
            throw Error(ErrorKind::bad_input,
                        cat("the config of the image ", image.id.substr(0, 12), " is not the one that was loaded"),
                        "remove the image and load it again");
        const Json manifest{{"schemaVersion", 2},
                            {"mediaType", manifest_type},
                            {"config",
                             {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                              {"digest", config_digest},
                              {"size", config.size()}}},
                            {"layers", layers}};
        add_to_index(manifest.dump(), image.tags, platform_of(config, file));
        add_to_manifest(config_digest, names, image.tags);
    }

    void finish(SaveFormat format) {
        tar_.add_file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
        tar_.add_file(
            "index.json",
            Json{{"schemaVersion", 2}, {"mediaType", "application/vnd.oci.image.index.v1+json"}, {"manifests", index_}}
                .dump());
        if (format == SaveFormat::docker) tar_.add_file("manifest.json", docker_manifest_.dump());
        tar_.finish();
    }

private:
    std::string add_blob(const std::string& text) {
        auto digest = sha256_digest(text);
        if (written_.insert(digest).second) tar_.add_file(blob_name(digest), text);
        return digest;
    }

    void add_layer(const StoredLayer& layer) {
        if (!written_.insert(layer.diff_id).second) return;
        const auto name = cat("layer ", layer.diff_id.substr(7, 12));
        TarReplay replay(store_.layer_directory(layer.key), name, [&](const std::string& path, const std::string& how) {
            throw Error(ErrorKind::bad_input, cat(name, ": the file ", quote(path), ' ', how),
                        "the store was changed: minirun image verify tells what; remove the image and load it again");
        });
        HashedSource archive(replay);
        TarEntry entry;
        entry.name = blob_name(layer.diff_id);
        entry.mode = S_IFREG | 0644;
        entry.size = layer.archive_size;
        tar_.add(entry);
        std::uint64_t left = layer.archive_size;
        for (auto block = archive.next(); !block.empty(); block = archive.next()) {
            if (block.size() > left) break;
            left -= block.size();
            tar_.write(block);
        }
        if (left != 0 || archive.digest() != layer.diff_id)
            throw Error(ErrorKind::bad_input, cat("the record of the archive of ", name, " is damaged"),
                        "remove the image and load it again");
    }

    static Json platform_of(const std::string& config, const std::string& file) {
        const auto document = parse_json(config, file, deepest_json);
        Json platform;
        for (const char* key : {"architecture", "os", "variant"})
            if (const auto found = document.find(key); found != document.end() && found->is_string())
                platform[key] = *found;
        return platform;
    }

    // A descriptor a name, as containerd writes them; and one if there is none.
    void add_to_index(const std::string& manifest, const std::vector<std::string>& tags, const Json& platform) {
        Json descriptor{{"mediaType", manifest_type},
                        {"digest", add_blob(manifest)},
                        {"size", manifest.size()},
                        {"platform", platform}};
        if (tags.empty()) index_.push_back(descriptor);
        for (const auto& tag : tags) {
            descriptor["annotations"] = {{"io.containerd.image.name", tag},
                                         {"org.opencontainers.image.ref.name", parse_reference(tag).tag}};
            index_.push_back(descriptor);
        }
    }

    void add_to_manifest(const std::string& config_digest, const Json& layers, const std::vector<std::string>& tags) {
        Json names;  // null without any, as Docker writes it
        for (const auto& tag : tags) names.push_back(parse_reference(tag).familiar());
        docker_manifest_.push_back({{"Config", blob_name(config_digest)}, {"RepoTags", names}, {"Layers", layers}});
    }

    const ImageStore& store_;
    TarWriter tar_;
    std::set<std::string> written_;
    Json index_ = Json::array(), docker_manifest_ = Json::array();
};

}  // namespace

void save_images(const ImageStore& store, const std::vector<std::string>& names, SaveFormat format,
                 const TarWriter::Sink& sink) {
    Choice choice(store);
    for (const auto& name : names) choice.add(name);
    Saver saver(store, sink);
    for (const auto& image : choice.take()) saver.add(image);
    saver.finish(format);
}

}  // namespace minirun
