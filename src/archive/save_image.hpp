// Images of the store -> an archive.
#pragma once

#include <string>
#include <vector>

#include "archive/tar_writer.hpp"
#include "image/store.hpp"

namespace minirun {

enum class SaveFormat {
    docker,  ///< an OCI layout with a manifest.json: what Docker has written since version 25, readable as either
    oci,     ///< without that
};

/// Writes the images that `names` mean: a tag, an id, or a name without a tag for all of its tags. Layers are not
/// compressed, and are the archives that were loaded, byte by byte; each is in it once.
///
/// Throws Error: not_found; bad_input if a file of a layer is not what was loaded.
void save_images(const ImageStore& store, const std::vector<std::string>& names, SaveFormat format,
                 const TarWriter::Sink& sink);

}  // namespace minirun
