// What a container has used, and what has happened to it: read from its cgroup.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "minirun/verdict.hpp"
#include "model/cgroup_place.hpp"

namespace minirun {

/// What is known at the end, before the cgroup is removed.
ResourceVerdict cgroup_verdict(const CgroupPlace& place);

/// The CPU time of a verdict of the same cgroup, of before, is not its own: it was spent to make it.
void leave_out_cpu_time(ResourceVerdict& verdict, const ResourceVerdict& before);

/// How many processes of it the kernel has killed because of memory: of the verdict, what takes one file to know.
std::uint64_t oom_kills(const CgroupPlace& place);

/// The time that all processes of a cgroup have used, in nanoseconds; nothing where it is not counted.
std::optional<std::uint64_t> cpu_time(const CgroupPlace& place);

/// Bytes of memory that are no file's: stacks, heaps.
std::optional<std::uint64_t> anonymous_memory(const CgroupPlace& place);

/// The memory that is in use, in bytes; nothing where it is not counted.
std::optional<std::uint64_t> memory_usage(const CgroupPlace& place);

/// The "data" of runc's `events --stats`, which engines read.
nlohmann::ordered_json cgroup_statistics(const CgroupPlace& place);

}  // namespace minirun
