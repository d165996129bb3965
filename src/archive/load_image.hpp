// Images of an archive -> the store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/load_progress.hpp"
#include "archive/unpack_layer.hpp"
#include "image/platform.hpp"
#include "image/store.hpp"

namespace minirun {

struct LoadOptions {
    std::optional<Platform> platform;  ///< every image has to be for this one; otherwise an index picks this host's
    std::vector<std::string> tags;     ///< for each image, beside those it comes with: Reference::full()
    Limits limits;
    bool dedup = false;    ///< files that are the same in other layers share their blocks
    unsigned threads = 0;  ///< layers at once; 0: as many as there are processors, and 8 at most
};

struct LoadedImage {
    std::string id;                  ///< 64 hex digits
    std::vector<std::string> names;  ///< the tags that were set, Reference::full()
    std::size_t layers = 0;          ///< of the image
    std::size_t new_layers = 0;      ///< of those, how many the store did not have
};

/// Throws Error if an image may not have so many.
void check_layer_limit(std::size_t layers, const Limits& limits);

/// Puts all images of the archive or directory at `path` ("-" is standard input) into the store.
///
/// Every digest is checked: of manifests, configs and layers, and each layer's DiffID. A failure leaves the store as it
/// was, but for whole layers of the same archive, which the next load finds. `progress` may be null. Throws Error.
std::vector<LoadedImage> load_images(const ImageStore& store, const std::string& path, const LoadOptions& options,
                                     LoadProgress* progress);

}  // namespace minirun
