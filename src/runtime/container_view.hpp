// The root file system of a container, merged as the container sees it, and nobody else.
#pragma once

#include "base/fd.hpp"
#include "runtime/container_root.hpp"

namespace minirun {

/// Mounts it where only this process can get at it, and it is gone with the last descriptor. Without volumes and
/// whatever else is mounted in the container. The result is an O_PATH descriptor of its root. To be called by a process
/// of one thread, which may find itself in a mount namespace of its own behind it. Throws Error{unsupported} of what is
/// in memory.
///
/// With `writable` what is written there is what the container finds when it is started again: nobody may start it
/// meanwhile (hold_still()).
Fd mount_view(const ContainerRoot& root, bool writable);

/// Nobody starts the container as long as this is held, and with `alone` nobody else holds it either. Empty if it runs,
/// or somebody does. Throws Error.
Fd hold_still(const StoredContainer& container, bool alone);
/// The same for who only reads; nothing of one that runs. Throws Error{conflict} where it is being started, or ends.
Fd hold_still_unless_running(const StoredContainer& container, ContainerPhase phase);

}  // namespace minirun
