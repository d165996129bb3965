// The end of every plan: a process that has been made becomes the program it is to run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "minirun/spec.hpp"
#include "plan/builder.hpp"

namespace minirun {

/// The CLONE_NEW* flag of a namespace.
std::uint64_t clone_flag(NamespaceType type);

/// Whether the child can do its work in the parent's memory until it execs: see docs/architecture.md.
bool can_share_memory(const LaunchRequest& request);

/// The step that opens the process's terminal.
op::OpenTerminal terminal_step(const LaunchRequest& request, bool console);

/// While the host's users can still be named.
void add_owned_streams(PlanBuilder& plan);

/// A session, with the streams and the terminal.
void add_session(PlanBuilder& plan);

/// Down to what the process may have, and execve; with the gate at which a created container waits.
void add_program(PlanBuilder& plan);

/// The paths at which args[0] is looked for: itself if it has a slash, otherwise in each directory of env's PATH.
std::vector<std::string> command_candidates(const ProcessSpec& process);

}  // namespace minirun
