// What the store knows of an image, for lists.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.hpp"
#include "image/store.hpp"

namespace minirun {

struct StoredImage {
    std::string id;                 ///< 64 hex digits
    std::vector<std::string> tags;  ///< Reference::full(), sorted
    /// The same with the digest of a manifest: "docker.io/library/nginx@sha256:…".
    std::vector<std::string> digests;
    std::string created;          ///< RFC 3339, as the config says it; empty if it does not
    std::uint64_t size = 0;       ///< of all files of all layers, as Docker counts
    std::int64_t created_at = 0;  ///< the same in seconds since 1970
};

/// All images of the store, the newest first, as Docker lists them. One that cannot be read is left out.
std::vector<StoredImage> stored_images(const ImageStore& store);

struct StoredLayer {
    std::string diff_id;
    std::string key;                 ///< of its directory in the store
    std::uint64_t size = 0;          ///< of its files
    std::uint64_t archive_size = 0;  ///< of its archive, not compressed
};
/// The layers of an image, lowest first. Throws Error if the image cannot be read.
std::vector<StoredLayer> stored_layers(const ImageStore& store, const std::string& id);

/// The keys of all layers by "sha256:…": their DiffIDs, and the digests of the blobs that they were seen to come as.
std::map<std::string, std::string> layers_by_digest(const ImageStore& store);

/// Of a layer's files, as Docker counts; 0 if there is no such layer.
std::uint64_t layer_size(const ImageStore& store, const std::string& key);

/// The most bytes that a config in the store may have (load --max-json).
inline constexpr std::size_t largest_config = 16 << 20;

/// The config of an image, as JSON. Throws Error.
Json stored_config(const ImageStore& store, const std::string& id);

/// Makes the link images/HEX/facts, "SIZE CREATED": what a list needs, so that it need not read the config and every
/// layer, in one readlink(2). `directory` is that of the image. Throws Error.
void write_image_facts(const std::string& directory, std::uint64_t size, std::string_view created);

}  // namespace minirun
