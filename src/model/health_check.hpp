// Health checks: what is asked for, what a result means, and both as documents with Docker's keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.hpp"
#include "minirun/health.hpp"

namespace minirun {

/// Of what a check writes so many bytes are kept.
inline constexpr std::size_t longest_health_output = 4096;

/// The check that is made: what was asked for, where that says nothing the image's, and then the default. Nothing if
/// there is none.
std::optional<HealthCheck> settled_health_check(const HealthCheck& image, const HealthCheck& asked);

/// What it runs.
std::vector<std::string> health_command(const HealthCheck& check);

/// How long to wait for the next check. `since_start`: of the container.
std::chrono::nanoseconds time_to_next_check(const HealthCheck& check, const Health& health,
                                            std::chrono::nanoseconds since_start);

/// Counts one more. `since_start`: from the start of the container to that of the check.
void take_health_result(Health& health, HealthResult result, const HealthCheck& check,
                        std::chrono::nanoseconds since_start);

/// The key Healthcheck of an image's config: Test, and times in nanoseconds.
Json health_check_json(const HealthCheck& check);
HealthCheck read_health_check(const JsonView& view);

/// Docker's State.Health: Status, FailingStreak, Log.
nlohmann::ordered_json health_json(const Health& health);
Health read_health(const JsonView& view);

}  // namespace minirun
