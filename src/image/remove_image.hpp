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

/// Takes away a tag, and the image with its last one; by an id the image with all of its tags, which takes `force` if
/// there are several. Layers that no image has any more go, too. Throws Error: not_found; conflict if the image is in
/// use.
Removed remove_image(const ImageStore& store, std::string_view text, bool force);

/// Removes the layers that no image has, unless images are being loaded. How many bytes their files had.
std::uint64_t remove_unused_layers(const ImageStore& store, Removed& removed);

}  // namespace minirun
