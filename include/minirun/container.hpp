// Running a container.
#pragma once

#include <chrono>
#include <memory>
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

/// Whose doing a container's end was.
enum class EndedBy { itself, time_limit, cpu_limit, output_limit, interruption };

/// How a container ended.
struct RunResult {
    EndedBy ended_by = EndedBy::itself;
    bool signaled = false;                     ///< a signal ended its first process
    int code = 0;                              ///< that signal's number, or the exit code
    std::vector<StepTime> timings;             ///< with RunOptions::timings
    std::optional<ResourceVerdict> resources;  ///< if it had a cgroup of its own
    std::string id;                            ///< the container's
    std::vector<std::string> args;             ///< what ran
    std::chrono::system_clock::time_point started;
    std::chrono::nanoseconds wall{};  ///< from the start of its program to the end of the first process
    /// Of the first process and those that it has waited for; what counts them all is in `resources`.
    std::chrono::nanoseconds user{}, system{};
    std::optional<std::uint64_t> output_bytes;     ///< on both streams, with RunOptions::accounting or an output limit
    std::optional<DeniedCalls> denied_calls = {};  ///< with RunOptions::report_denied
    std::optional<Changes> changes = {};           ///< with RunOptions::report_diff
    std::vector<ArtifactResult> artifacts = {};    ///< of RunOptions::artifacts, in their order

    /// As Docker's run: 128+n for signal n, else the process's own code; 124 where a limit that minirun keeps ended it.
    int exit_code() const noexcept {
        return ended_by != EndedBy::itself && ended_by != EndedBy::interruption ? 124 : signaled ? 128 + code : code;
    }
};

/// Runs containers of one image, one after the other. What is the same for all of them is looked up once, and nobody
/// removes the image meanwhile. Needs root. Of one program several threads may have one each.
class Runner {
public:
    /// Throws Error.
    explicit Runner(Image image);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// What it was made with.
    const Image& image() const noexcept;
    /// As run() below.
    RunResult run(const RunOptions& options);

private:
    struct Prepared;
    std::unique_ptr<Prepared> prepared_;
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
