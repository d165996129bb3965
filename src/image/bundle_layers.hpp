// The layers/ directory of a bundle, and what must hold for every list of layers.
#pragma once

#include <string>
#include <vector>

#include "minirun/image.hpp"

namespace minirun {

/// The entries of a bundle's layers/ directory, lowest first.
///
/// Entries are directories or symbolic links to directories; hidden ones are ignored. They are ordered by name, or by
/// `diff_ids` where their names are digests ("sha256:…", "sha256-…", or 64 hex digits). A layer that the image has
/// twice is given once, in its upper place: there it hides all that it would add in the lower one.
///
/// Throws Error with every entry that is wrong; `config_file` is what messages call the document with the diff_ids.
std::vector<Layer> read_bundle_layers(const std::string& directory, const std::vector<std::string>& diff_ids,
                                      const std::string& config_file);

/// Throws Error if there is no layer, too many, or if two are the same directory or one is inside another:
/// overlayfs refuses that (ELOOP) or shows undefined content.
void check_layers(const std::vector<Layer>& layers, const std::string& where);

/// Throws Error if the number of layers in `where` is not that of the diff_ids, which `list` names ("rootfs.diff_ids of
/// FILE"). An image without any diff_ids has any number.
void check_layer_count(std::size_t layers, std::size_t diff_ids, const std::string& where, const std::string& list);

}  // namespace minirun
