// A bundle directory or a JSON document -> Image.
#pragma once

#include <string>

#include "minirun/image.hpp"

namespace minirun {

/// Reads the bundle in `directory`: its config.json, and its layers or its root file system. `name` is what the user
/// called it.
Image open_bundle(const std::string& directory, const std::string& name);

/// Reads a document that was named itself: the output of `docker image inspect` runs in place; any other form has its
/// layers beside it, as if it were the config.json of its directory.
Image open_document(const std::string& file, const std::string& name);

}  // namespace minirun
