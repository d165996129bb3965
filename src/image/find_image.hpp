// From what a person types to the place of an image.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/store.hpp"

namespace minirun {

/// The directories in which a bare name is looked up: those of MINIRUN_BUNDLE_PATH (separated by colons), or the
/// examples that this program knows of.
std::vector<std::string> bundle_path();

/// The directory or file that `name` means: itself if it has a slash or is a directory, else the first directory of
/// that name in `search`, else the file of that name, else the image in the store that it is a tag, a digest, an id or
/// the beginning of an id of.
///
/// Throws Error{not_found} with where it looked and the names that come close; an example that is known by its recipe
/// only gets the command that builds it.
std::string find_image(std::string_view name, const std::vector<std::string>& search, const ImageStore& store);

/// The id of the image in the store that `text` means, as ImageStore::find(). Throws Error{not_found} with the tags
/// that come close.
std::string need_stored_image(const ImageStore& store, const std::string& text);

}  // namespace minirun
