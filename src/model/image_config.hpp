// An image's config document -> ImageConfig: what to run, and for which machine.
#pragma once

#include "base/json_fwd.hpp"
#include "minirun/image.hpp"

namespace minirun {

/// Reads an OCI image config (image specification 1.1, config.md) or Docker's, which has the same keys and more.
///
/// Problems go to the view's list; the result is whole only if there are none. Unknown keys are ignored. What the
/// document does not say (architecture and os included: bundles are written by hand, too) is empty.
ImageConfig parse_image_config(const JsonView& document);

/// Reads one element of what `docker image inspect` prints: the same facts under other names.
ImageConfig parse_inspected_image(const JsonView& element);

/// Whether a text is "sha256:" and 64 lower-case hex digits.
bool is_sha256_digest(std::string_view text);

}  // namespace minirun
