// What the container's process may still do: user, capabilities, limits, no_new_privs, seccomp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/builder.hpp"

namespace minirun {

/// Names as in config.json as a set of bits. Throws Error{bad_input} on an unknown name.
std::uint64_t capability_set(const std::vector<std::string>& names);

/// Whether add_limits() writes below Slot::proc.
bool needs_own_proc(const ProcessSpec& process);

/// Resource limits and the OOM score: while the process may still raise them.
void add_limits(PlanBuilder& plan);

/// Gives up rights in the one order that works: what needs rights first. The directory is entered on the way, as the
/// container's user but with the capabilities of that moment.
void add_rights(PlanBuilder& plan);

/// What is left to give up right before the program starts: no_new_privs, seccomp.
void add_last_rights(PlanBuilder& plan);

}  // namespace minirun
