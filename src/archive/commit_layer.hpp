// A container's writable layer -> an image on top of the container's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/limits.hpp"
#include "image/store.hpp"
#include "minirun/image.hpp"

namespace minirun {

struct CommitOptions {
    std::string name;                  ///< Reference::full(); empty: none
    std::vector<std::string> changes;  ///< instructions of a Dockerfile: apply_change()
    std::string author, message;
    Limits limits;
};

/// What is committed.
struct CommitSource {
    std::string image_id;         ///< of the image in the store that the container runs, 64 hex digits; or empty
    std::optional<Image> bundle;  ///< then what it runs: Image::Form::image_config
    std::string upper;            ///< the writable layer: absolute path
    std::string created_by;       ///< the container's command
};

/// Throws Error{usage} for what is wrong with the options: before a container is stopped for it.
void check(const CommitOptions& options);

/// The id of the new image, 64 hex digits. Its config is that of the container's image, with `options.changes`. The
/// layers of a bundle become layers of the store. Throws Error.
std::string commit_layer(const ImageStore& store, const CommitSource& source, const CommitOptions& options);

}  // namespace minirun
