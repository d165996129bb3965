// What a runtime bundle takes off the wall between container and host.
#pragma once

#include <string>
#include <vector>

#include "minirun/image.hpp"

namespace minirun {

/// A bundle can be somebody else's, and its config.json has the last word: one sentence that names what that opens
/// further than `minirun run` does by itself; or nothing.
std::vector<std::string> what_it_opens(const Image& bundle);

}  // namespace minirun
