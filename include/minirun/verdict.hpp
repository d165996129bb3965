// What became of a container's resources.
#pragma once

#include <cstdint>
#include <optional>

namespace minirun {

/// What the container's cgroup counted, as far as it has the controllers and the kernel tells.
struct ResourceVerdict {
    std::uint64_t oom_kills = 0;    ///< processes that the kernel's OOM killer ended
    bool own_memory_limit = false;  ///< it was the container's own limit, not that of the host or of a cgroup above
    std::optional<std::uint64_t> memory_limit;     ///< bytes
    std::optional<std::uint64_t> memory_peak;      ///< bytes, with the page cache
    std::optional<std::uint64_t> anonymous_peak;   ///< bytes that are no file's: the most of some looks at it
    std::optional<std::uint64_t> cpu_nanoseconds;  ///< in all
    std::optional<std::uint64_t> user_nanoseconds, system_nanoseconds;
    std::optional<std::uint64_t> pids_peak;          ///< processes and threads at once
    std::optional<std::uint64_t> pids_refused;       ///< how often one more was refused because of the limit
    std::optional<std::uint64_t> throttled_periods;  ///< of the CPU quota
    std::optional<std::uint64_t> throttled_nanoseconds;
    std::optional<std::uint64_t> read_bytes, written_bytes;  ///< from and to disks
    bool operator==(const ResourceVerdict&) const = default;
};

}  // namespace minirun
