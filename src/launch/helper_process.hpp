// What programs of the host that minirun runs for itself have in common.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace minirun {

struct Pipe {
    Fd out, in;
};
/// Throws Error.
Pipe make_pipe();

/// A file in memory that takes no more than 16 KiB, for what a helper complains of: one that goes on writing there as
/// long as it runs must not be killed by a pipe that nobody reads, and what a container makes it say must not fill the
/// host's memory. Throws Error.
Fd small_file();

/// The beginning of such a file.
std::string text_in(const Fd& file);

/// On one line, without what is said of the system's log, which cannot always be reached.
std::string complaints_in(const Fd& file);

}  // namespace minirun
