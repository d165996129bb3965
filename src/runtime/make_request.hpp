// From an image and options to the request: what has to be looked up on this host and in the layers.
#pragma once

#include <cstddef>

#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"
#include "model/paths.hpp"

namespace minirun {

/// How much of the image's /etc/passwd, /etc/group and the like is read at most.
inline constexpr std::size_t max_etc_file = 1 << 20;

/// The request of a run, in all forms of an image: what run() executes, --dry-run prints and explain() explains.
/// Reads only; needs no root. Throws Error.
LaunchRequest make_request(const Image& image, const RunOptions& options, const Paths& paths);

}  // namespace minirun
