// What can be seen of a container as text that is read much faster than a JSON document: fields with a NUL behind each,
// which none of them holds.
#pragma once

#include <string>
#include <string_view>

#include "minirun/containers.hpp"

namespace minirun {

/// Without what its directory says (directory, log_file), and of a container without health checks.
std::string summary_text(const ContainerSummary& one);

/// Into a summary that is empty; false unless the text is what summary_text() makes, to the last byte.
bool read_summary_text(std::string_view text, ContainerSummary& one);

}  // namespace minirun
