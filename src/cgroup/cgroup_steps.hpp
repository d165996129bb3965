// The container's cgroup as steps of the plan.
#pragma once

#include <optional>

#include "plan/builder.hpp"

namespace minirun {

/// Whether a limit on memory could be reached before the container's program runs: its own, or one of a cgroup above
/// its own, whose other processes use what they use.
bool memory_may_run_out_early(const LinuxSpec& spec);

/// The cgroup that the container of a request gets on a host with this layout; nothing if it gets none. Throws Error
/// where one is needed and the host has no cgroups.
std::optional<CgroupPlace> cgroup_of(const LaunchRequest& request, const CgroupLayout& layout);
/// The same for another process of a container that is there: that cgroup, or the one that `cgroup_below` names in the
/// hierarchies that have it.
std::optional<CgroupPlace> cgroup_of_exec(const LaunchRequest& request, const CgroupLayout& layout);
/// Whether it gets one: then the layout has to be probed.
bool wants_cgroup(const LaunchRequest& request);

/// What of the request's limits has no effect on this host, a sentence each.
std::vector<std::string> cgroup_notices(const LaunchRequest& request, const CgroupLayout& layout);

/// Makes it and sets its limits, before the clone; sets PlanBuilder::cgroup.
void add_cgroup(PlanBuilder& plan);
/// The directory of cgroup v2 that the clone puts the child into; null if there is none.
const char* cgroup_of_birth(PlanBuilder& plan);
/// The child goes in, where it was not born there, and gets its cgroup namespace.
void add_cgroup_entry(PlanBuilder& plan);
/// What had to wait until all mounts are made: see add_cgroup_entry().
void add_late_cgroup_entry(PlanBuilder& plan);

/// Where a container's directory notes the name of its cgroup: a symbolic link that leads to it, made first of all.
inline constexpr const char* cgroup_record = "cgroup";

}  // namespace minirun
