// The heart of minirun: from a description of a container to the list of what has to be done.
#pragma once

#include "kernel/features.hpp"
#include "model/launch_request.hpp"
#include "plan/step.hpp"

namespace minirun {

/// The plan for a launch: a pure function of the request and of what the kernel can do (but for seccomp filters
/// that are not the default one: their compiled form is cached on disk). Needs no rights.
Plan plan_from_request(const LaunchRequest& request, const KernelFeatures& features);

/// The paths at which args[0] is looked for: itself if it has a slash, otherwise in each directory of env's PATH.
std::vector<std::string> command_candidates(const ProcessSpec& process);

}  // namespace minirun
