// Running a container.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "minirun/findings.hpp"
#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "minirun/verdict.hpp"

namespace minirun {

/// How long one step of the launch took. Steps of the parent and of the child overlap.
struct StepTime {
    std::string step;  ///< as in the plan
    std::chrono::nanoseconds took;
};

/// How a container ended.
struct RunResult {
    bool timed_out = false;                    ///< the time limit ended it
    bool signaled = false;                     ///< a signal ended its first process
    int code = 0;                              ///< that signal's number, or the exit code
    std::vector<StepTime> timings;             ///< with RunOptions::timings
    std::optional<ResourceVerdict> resources;  ///< if it had a cgroup of its own
    std::string id;                            ///< the container's
    std::vector<std::string> args;             ///< what ran
    std::chrono::system_clock::time_point started;
    std::chrono::nanoseconds wall{};               ///< from the start of its program to the end of the first process
    std::optional<DeniedCalls> denied_calls = {};  ///< with RunOptions::report_denied
    std::optional<Changes> changes = {};           ///< with RunOptions::report_diff
    std::vector<ArtifactResult> artifacts = {};    ///< of RunOptions::artifacts, in their order

    /// As Docker's run: 124 after the time limit, 128+n for signal n, else the process's own code.
    int exit_code() const noexcept { return timed_out ? 124 : signaled ? 128 + code : code; }
};

/// Runs a container of the image in the foreground, on this process's standard streams, until it ends; nothing of
/// it is left then. Needs root.
///
/// Blocks all signals of the calling thread meanwhile and forwards them to the container. Throws Error; the kinds
/// command_not_found and cannot_execute say that the container's command could not be started.
RunResult run(const Image& image, const RunOptions& options);

/// The launch plan that run() would execute, a step a line, or as a JSON array. Needs no root.
std::string plan_of_run(const Image& image, const RunOptions& options, bool as_json);

}  // namespace minirun
