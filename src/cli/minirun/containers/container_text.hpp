// How containers are told of, in Docker's words.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "minirun/containers.hpp"

namespace minirun {

/// "Up 3 minutes (Paused)", "Exited (0) 2 hours ago", "Created".
std::string status_text(const ContainerSummary& container);

/// The words with blanks between; of a longer text the beginning.
std::string command_text(const std::vector<std::string>& args, std::size_t longest);

}  // namespace minirun
