// Where a container's volumes come from: the user's options and the image's own volumes, as mounts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/request_from_image.hpp"

namespace minirun {

struct VolumeMounts {
    std::vector<MountSpec> mounts;  ///< parents before children
    /// Volumes that the container's own writable layer holds: directories that have to exist.
    std::vector<std::string> directories;
};

/// Why nothing can be mounted at a path of the container; empty if it can.
std::string reason_against_target(std::string_view path);

/// Throws Error{usage} for a destination that is taken twice or that belongs to minirun (/proc, /dev).
VolumeMounts volume_mounts(const Image& image, const RunOptions& options, const ImageFiles& files,
                           const std::string& container_dir);

}  // namespace minirun
