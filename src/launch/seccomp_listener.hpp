// The listener of a seccomp filter on its way to who answers for it.
#pragma once

#include <sys/types.h>

#include "base/fd.hpp"
#include "plan/step.hpp"

namespace minirun {

/// Takes the listener, descriptor `number` of `process`, whose number is `pid`, and sends it with the container process
/// state (config-linux.md "The Container Process State") to the socket that the step names. Throws Error.
void pass_on_listener(const op::LoadSeccomp& step, const Fd& process, pid_t pid, int number);

}  // namespace minirun
