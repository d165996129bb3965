// From what a person types to the place of an image.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// The directories in which a bare name is looked up: those of MINIRUN_BUNDLE_PATH (separated by colons), or the
/// examples that this program knows of.
std::vector<std::string> bundle_path();

/// The directory or file that `name` means: itself if it has a slash or is a directory, else the first directory of
/// that name in `search`, else the file of that name.
///
/// Throws Error{not_found} with where it looked and the names that come close; an example that is known by its recipe
/// only gets the command that builds it.
std::string find_image(std::string_view name, const std::vector<std::string>& search);

}  // namespace minirun
