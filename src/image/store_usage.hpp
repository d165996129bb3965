// How much space the store takes, and what of it is whose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/stored_image.hpp"

namespace minirun {

/// Sizes are of blocks on disk, as du(1) counts.
struct StoreUsage {
    struct OfLayer {
        std::string key, diff_id;
        std::uint64_t size = 0;
        std::size_t images = 0;  ///< how many have it
        bool active = false;     ///< one of these is
    };
    struct OfImage {
        StoredImage image;
        std::uint64_t own = 0;     ///< its config and links
        std::uint64_t shared = 0;  ///< layers that other images have, too
        std::uint64_t unique = 0;  ///< own, and layers that it alone has
        bool active = false;       ///< a container runs of it
    };
    std::vector<OfImage> images;  ///< the newest first
    std::vector<OfLayer> layers;
    std::uint64_t other = 0;       ///< tags, directories of the store itself, what is being made
    std::uint64_t containers = 0;  ///< writable layers and what else containers have
    std::size_t container_count = 0, active_containers = 0;

    /// Of the store, without the containers: what `du` says of images/, layers/, tags/ and staging/.
    std::uint64_t total() const;
    /// What goes with the images that no container uses, and with the layers that no image has.
    std::uint64_t reclaimable() const;
};

/// `containers` is Paths::containers. Throws Error.
StoreUsage store_usage(const ImageStore& store, const std::string& containers);

}  // namespace minirun
