// A root file system -> an image of one layer. A bundle -> an image.
#pragma once

#include <string>
#include <vector>

#include "archive/load_image.hpp"
#include "archive/store_writer.hpp"
#include "image/store.hpp"
#include "minirun/image.hpp"

namespace minirun {

struct ImportOptions {
    std::string name;                  ///< Reference::full(); empty: none
    std::vector<std::string> changes;  ///< instructions of a Dockerfile: apply_change()
    std::string message;               ///< the image's comment; empty: where it is from
    std::string os, architecture, variant;
    Limits limits;
    bool dedup = false;  ///< as LoadOptions::dedup
};

/// Makes an image of a directory, or of a tar archive of one, compressed or not ("-" is standard input). Its id, 64 hex
/// digits. Throws Error.
std::string import_image(const ImageStore& store, const std::string& path, const ImportOptions& options);

/// A bundle whose layers are in the store.
struct StoredBundle {
    std::string config;                       ///< with these DiffIDs
    std::vector<std::string> diff_ids, keys;  ///< lowest first
    std::size_t new_layers = 0;               ///< of them, how many the store did not have
};

/// Puts the layers of a bundle (Image::Form::image_config) into the store, where they stay as long as the writer lives,
/// or an image has them. Throws Error.
StoredBundle store_bundle(StoreWriter& writer, const Image& bundle, const Limits& limits);

/// Puts a bundle into the store: each layer's directory becomes an archive, whose digest becomes its DiffID in the
/// config. The image has the bundle's name, and the tags of `options`. Throws Error.
LoadedImage load_bundle(const ImageStore& store, const std::string& directory, const LoadOptions& options);

}  // namespace minirun
