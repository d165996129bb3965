// Docker's own layers of an image, as `docker image inspect` names them.
#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.hpp"
#include "minirun/image.hpp"

namespace minirun {

/// The one image in the output of `docker image inspect`: the array's element, or the document if it is one already.
/// Throws Error if the array has none, or several.
const Json& the_inspected_image(const Json& document, const std::string& file);

/// The overlay2 directories of an inspected image, lowest first: GraphDriver.Data's UpperDir over its LowerDir.
///
/// What is wrong with the document goes to the view's problems. Throws Error if a directory does not exist.
std::vector<Layer> layers_in_place(const JsonView& image, const std::string& file);

}  // namespace minirun
