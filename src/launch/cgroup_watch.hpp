// Looks at a running container's cgroup from time to time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/cgroup_place.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// Keeps the limit on CPU time, for which the kernel has none that holds for several processes, and notes how much
/// anonymous memory there was, of which it keeps no record. Looks as seldom as that allows.
class CgroupWatch {
public:
    using Clock = std::chrono::steady_clock;

    /// With no place there is nothing to look at. Throws Error{unsupported} for a limit that could not be kept.
    CgroupWatch(const CgroupPlace* place, const LaunchRequest& request);

    /// When to look again; never without a value.
    std::optional<Clock::time_point> next() const;
    void look();
    bool cpu_time_is_over() const { return used_ >= limit_; }
    std::optional<std::uint64_t> anonymous_peak() const { return anonymous_peak_; }

private:
    void look_at_cpu_time(Clock::time_point now);
    void look_at_memory(Clock::time_point now);

    const CgroupPlace* place_;
    std::chrono::nanoseconds limit_ = std::chrono::nanoseconds::max(), used_{};
    std::chrono::nanoseconds at_start_{};
    std::chrono::nanoseconds pause_ = std::chrono::milliseconds(2);
    std::optional<Clock::time_point> next_cpu_, next_memory_;
    std::optional<std::uint64_t> anonymous_peak_;
};

}  // namespace minirun
