// Whether the store holds what was loaded.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "image/store.hpp"

namespace minirun {

struct Verified {
    std::size_t images = 0, layers = 0, differences = 0;
};

/// Reads the images with these ids again: the digest of each config; of each layer the archive that it makes, by its
/// DiffID, and of each of its files and directories content, type, mode, owner, time, attributes and what a link says,
/// as that archive has them; and what was added. Each layer is looked at once.
///
/// `tell` gets a sentence for each difference. Needs as much space as the largest layer, for a while. Throws Error if
/// it cannot read.
Verified verify_images(const ImageStore& store, const std::vector<std::string>& ids,
                       const std::function<void(const std::string& difference)>& tell);

/// Tells of the tags and digests that lead to no image. How many there are.
std::size_t verify_names(const ImageStore& store, const std::function<void(const std::string& difference)>& tell);

}  // namespace minirun
