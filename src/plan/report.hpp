// What the child says to the parent over the report socket: see "Engines" in docs/architecture.md.
#pragma once

#include <cstdint>

namespace minirun {

/// One message. End of file without a failure means that execve succeeded.
struct ChildReport {
    enum class Kind : std::int32_t {
        terminal,  ///< the message carries the master of the container's pty
        upper,     ///< the message carries the directory with the container's writable layer
        listener,  ///< `item` is the number of the filter's listener in the child, which waits until it was passed on
        arrived,   ///< the child waits for the parent, or to be started
        failure,   ///< a step failed; the child is gone
    };
    Kind kind = Kind::failure;
    std::int32_t step = 0;    ///< index into Plan::steps
    std::int32_t error = 0;   ///< errno
    std::int32_t item = -1;   ///< which option, candidate or part of the step failed, if it has several
    std::int32_t layer = -1;  ///< which layer overlayfs refused
    char detail[236] = {};    ///< the kernel's own words (the log of a file system context), NUL-terminated
};

}  // namespace minirun
