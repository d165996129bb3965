// Taking images and names out of the store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "image/store.hpp"

namespace minirun {

/// Keeps an image from being removed, as long as it is held. Empty if the image is not there any more, or if
/// `exclusive` and somebody else holds it.
Fd hold_image(const ImageStore& store, const std::string& id, bool exclusive = false);

/// What was done: "Untagged: nginx:latest", "Deleted: sha256:…".
using Removed = std::vector<std::string>;

/// Takes away a name, and the image with its last one; by an id the image with all of its names, which takes `force` if
/// there are several. Layers that no image has any more go, too. Throws Error: not_found; conflict if the image is in
/// use, naming the containers in the directory `containers` that run of it.
Removed remove_image(const ImageStore& store, const std::string& containers, std::string_view text, bool force);

/// Notes in a container's directory which image it runs.
void note_image(const std::string& container_directory, const std::string& id);

/// Removes the layers that no image has and the names that lead to none, unless images are being loaded. How many bytes
/// the layers' files had.
std::uint64_t remove_unused_layers(const ImageStore& store, Removed& removed);

}  // namespace minirun
