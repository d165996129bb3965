// What a container without a pid namespace of its own leaves running.
#pragma once

#include <sys/types.h>

#include "minirun/spec.hpp"

namespace minirun {

/// With a pid namespace the kernel ends every process of a container together with the first one. With the host's
/// (--pid host) this does, at the end of its scope: those that are in the container's mount namespace.
class Stragglers {
public:
    /// `pid` is the container's first process, running.
    Stragglers(pid_t pid, const ContainerSpec& spec);
    ~Stragglers();
    Stragglers(const Stragglers&) = delete;
    Stragglers& operator=(const Stragglers&) = delete;

private:
    ino_t mount_namespace_ = 0;  ///< 0: nothing to do
};

}  // namespace minirun
