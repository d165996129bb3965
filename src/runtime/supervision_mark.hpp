// Which containers have a supervisor that lives, for who asks of hundreds: one system call for each.
//
// supervisor.lock tells it, and nothing else counts. But to open it, try its lock and close it again takes five times
// as long as one call, and to read /proc/locks, which has them all, the kernel lets nobody lock a file any more and
// waits for a grace period: 10 ms. So who supervises also holds a byte of a file that is there for all, whose place its
// container's id says, and fcntl(F_OFD_GETLK) asks for that without opening anything. Such a lock is of an open file,
// as the other is: a kill -9 ends both, and it is seen from any pid namespace.
//
// The kernel looks through all locks of the file for one. So there are sixteen, one for each first digit of an id.
//
// Only a yes counts. Without a mark (the file was removed, the container's id is of another form) the lock is looked
// at.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "model/paths.hpp"

namespace minirun {

/// Marks the container as supervised, for as long as the descriptor is open. To be called with its supervisor.lock, and
/// to be closed with it. Nothing if it cannot be.
Fd mark_supervised(const Paths& paths, std::string_view id) noexcept;

class SupervisionMarks {
public:
    explicit SupervisionMarks(const Paths& paths);
    /// Whether it is: then somebody holds its supervisor.lock. If not, nothing is said.
    bool has(std::string_view id);

private:
    std::string directory_;
    std::array<Fd, 16> files_;
    std::array<bool, 16> is_known_{};  ///< a file that is not there is not looked for again
};

}  // namespace minirun
