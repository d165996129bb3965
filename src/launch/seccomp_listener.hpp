// The listener of a seccomp filter on its way to who answers for it.
#pragma once

#include <sys/types.h>

#include "base/fd.hpp"
#include "plan/step.hpp"

namespace minirun {

/// Takes the listener, descriptor `number` of `process`. Throws Error, also if it is none.
Fd take_listener(const Fd& process, int number);

/// Sends it with the container process state (config-linux.md "The Container Process State") to the socket that the
/// step names; `pid` is the number of the process that has the filter. Throws Error.
void pass_on_listener(const op::LoadSeccomp& step, const Fd& listener, pid_t pid);

}  // namespace minirun
