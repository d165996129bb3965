// A descriptor of the child's that does not outlive a step.
#pragma once

#include "kernel/system_call.hpp"

namespace minirun {

// Closes what a step opened for itself. The child has no Fd: these descriptors end with the step, all others with
// execve.
class Scoped {
public:
    explicit Scoped(int fd) noexcept : fd_(fd) {}
    ~Scoped() { sys::close(fd_); }
    Scoped(const Scoped&) = delete;
    Scoped& operator=(const Scoped&) = delete;
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

}  // namespace minirun
