// What is to be known or kept of a container when it has ended: --report-denied, --report-diff, --artifacts.
#pragma once

#include "launch/launcher.hpp"
#include "minirun/container.hpp"
#include "model/launch_request.hpp"
#include "runtime/artifacts.hpp"

namespace minirun {

/// Made before the container is, so that none runs of which this could not be had: throws Error then.
class Findings {
public:
    /// Both live longer than this.
    Findings(const RunOptions& options, const LaunchRequest& request);

    /// Fills in what was asked for, when the container's processes have ended. What cannot be had is told on standard
    /// error: it changes nothing of how the container ended. One of the signals that end minirun cuts it short.
    void collect(const Launched& launched, RunResult& result) const;

private:
    const RunOptions& options_;
    const LaunchRequest& request_;
    Artifacts artifacts_;
};

}  // namespace minirun
