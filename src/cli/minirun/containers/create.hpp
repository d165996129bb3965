// Containers that stay: made now, started now or later.
#pragma once

#include <string>
#include <string_view>

#include "cli/minirun/run_options.hpp"
#include "minirun/image.hpp"

namespace minirun {

/// Its id. `what` is what messages call the command or option that makes it.
std::string create_container(const Image& image, RunCommand command, std::string_view what);

/// minirun run --detach: prints the id of a container that runs. One that could not be started is gone again.
int run_in_background(const Image& image, const RunCommand& command);

}  // namespace minirun
