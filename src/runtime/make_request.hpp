// From an image and options to the request: what has to be looked up on this host and in the layers.
#pragma once

#include <cstddef>

#include "image/layer_view.hpp"
#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"
#include "model/paths.hpp"
#include "model/request_from_image.hpp"

namespace minirun {

/// How much of the image's /etc/passwd, /etc/group and the like is read at most.
inline constexpr std::size_t max_etc_file = 1 << 20;

/// Requests of one image. What of it and of this host goes into all of them is looked up once.
class RequestMaker {
public:
    /// The image has to outlive it. Reads only; needs no root. Throws Error.
    RequestMaker(const Image& image, const Paths& paths);
    RequestMaker(const RequestMaker&) = delete;
    RequestMaker& operator=(const RequestMaker&) = delete;
    /// The request of a run, in all forms of an image. Throws Error.
    LaunchRequest make(const RunOptions& options);

private:
    HostFacts facts_of_run(const RunOptions& options) const;

    const Image& image_;
    Paths paths_;
    LayerView view_;
    ImageFiles files_;
    HostFacts host_;
};

/// One of them: what run() executes, --dry-run prints and explain() explains.
LaunchRequest make_request(const Image& image, const RunOptions& options, const Paths& paths);

}  // namespace minirun
