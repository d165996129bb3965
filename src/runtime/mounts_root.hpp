// The root directory of a mount namespace.
#pragma once

#include "base/fd.hpp"

namespace minirun {

/// The root of the mount namespace `mounts`, as a process that enters it sees it: an O_PATH descriptor. Empty, and the
/// errno in `error`, if it cannot be had.
Fd root_of_mounts(const Fd& mounts, int& error);

}  // namespace minirun
