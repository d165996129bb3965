// The descriptors of a process's standard streams.
#pragma once

namespace minirun {

/// As numbers in this process.
struct StandardStreams {
    int in = 0, out = 1, err = 2;
};

}  // namespace minirun
