// Whether what runs in a container does its work: health checks, as an image's HEALTHCHECK or --health-cmd asks for
// them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// What is run now and then, and what is made of it.
struct HealthCheck {
    /// "CMD" and the words of a command, "CMD-SHELL" and a command line for /bin/sh, or "NONE"; empty: unset.
    std::vector<std::string> test;
    /// From the end of one check to the next; what one may take; how long it may fail at first; the interval in that
    /// time. 0: unset.
    std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
    unsigned retries = 0;  ///< so many that fail in a row are too many; 0: unset
    bool operator==(const HealthCheck&) const = default;
};

/// Docker's words for them are starting, healthy, unhealthy.
enum class HealthStatus { starting, healthy, unhealthy };

/// "starting", …
std::string_view health_word(HealthStatus status) noexcept;

/// One check.
struct HealthResult {
    std::string start, end;  ///< RFC 3339
    int exit_code = 0;       ///< 0 is well; -1 if it took too long
    std::string output;      ///< the beginning of what it wrote to both streams
};

/// What is known of a container's health since it was started.
struct Health {
    HealthStatus status = HealthStatus::starting;
    unsigned failing_streak = 0;    ///< so many have failed in a row
    std::vector<HealthResult> log;  ///< the last ones, the oldest first
};

}  // namespace minirun
