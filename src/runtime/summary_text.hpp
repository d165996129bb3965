// What can be seen of a container as text that is read much faster than a JSON document: fields with a NUL behind each,
// which none of them holds.
#pragma once

#include <string>
#include <string_view>

#include "minirun/containers.hpp"

namespace minirun {

/// Without what its directory says (directory, log_file), and of a container without health checks.
std::string summary_text(const ContainerSummary& one);

/// Replaces all that summary_text() writes; false unless the text is what it makes, to the last byte: then the summary
/// is of no use.
bool read_summary_text(std::string_view text, ContainerSummary& one);

}  // namespace minirun
