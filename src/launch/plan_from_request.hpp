// The heart of minirun: from a description of a container to the list of what has to be done.
#pragma once

#include "kernel/features.hpp"
#include "model/launch_request.hpp"
#include "plan/step.hpp"

namespace minirun {

/// The plan for a launch: a pure function of the request and of what the kernel can do (but for seccomp filters
/// that are not the default one: their compiled form is cached on disk). Needs no rights.
Plan plan_from_request(const LaunchRequest& request, const KernelFeatures& features);

/// Throws Error{unsupported} where the kernel lacks what every container needs.
void check_kernel(const KernelFeatures& features);

/// What the kernel can do, as far as the plan of this request depends on it: the cgroups are only looked at where the
/// container gets one.
KernelFeatures features_for(const LaunchRequest& request);

/// The plan for another process in a container that is there: every namespace of the request's spec has a path, its
/// process is the one to run, and nothing is mounted. It goes into the container's cgroup.
Plan plan_exec(const LaunchRequest& request, const KernelFeatures& features);

}  // namespace minirun
