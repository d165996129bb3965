// What a layer's archive leaves open, settled with the layers below.
#pragma once

#include <string>
#include <vector>

#include "archive/unpack_layer.hpp"
#include "minirun/image.hpp"

namespace minirun {

/// Gives the directories that the archive did not mention the looks that they have in the layers below (a merged
/// directory shows the topmost layer's mode and owner), and copies the files of those that hard links lead to.
///
/// `tree` is the layer's directory, `below` the layers under it, lowest first. Throws Error{bad_input} if a hard link
/// leads nowhere.
void settle_layer(const UnpackedLayer& layer, const std::string& tree, const std::vector<Layer>& below,
                  const std::string& name);

}  // namespace minirun
