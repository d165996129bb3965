// A root file system -> an image of one layer. A bundle -> an image.
#pragma once

#include <string>
#include <vector>

#include "archive/load_image.hpp"
#include "image/store.hpp"

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

/// Puts a bundle into the store: each layer's directory becomes an archive, whose digest becomes its DiffID in the
/// config. The image has the bundle's name, and the tags of `options`. Throws Error.
LoadedImage load_bundle(const ImageStore& store, const std::string& directory, const LoadOptions& options);

}  // namespace minirun
