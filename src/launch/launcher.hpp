// Executes a plan.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "plan/report.hpp"
#include "plan/step.hpp"

namespace minirun {

struct Launched {
    pid_t pid = -1;
    Fd pidfd;
    Fd mount_namespace;  ///< the one that it was made in
    Fd terminal;         ///< the master of the container's pty, if it has one
};

/// A step failed in the child. The caller may know more about it than the plan does (see exec_diagnosis.hpp).
class LaunchFailure {
public:
    explicit LaunchFailure(const ChildReport& child_report) : report(child_report) {}
    ChildReport report;
};

/// When each step of a plan was done, in nanoseconds of CLOCK_MONOTONIC; in memory that the child writes to.
class StepClock {
public:
    explicit StepClock(std::size_t steps);
    ~StepClock();
    StepClock(const StepClock&) = delete;
    StepClock& operator=(const StepClock&) = delete;

    std::int64_t started = 0;  ///< when launch() was called
    /// One a step.
    std::span<std::int64_t> finished() const noexcept { return finished_; }

private:
    std::span<std::int64_t> finished_;
};

/// The three descriptors that become the container's standard streams.
struct StandardStreams {
    int in = 0, out = 1, err = 2;
};

/// Executes the host's steps, clones, and returns when the container's process has been exec'ed. Throws LaunchFailure
/// when a step failed in the child (it has been reaped then), Error when one failed here. What host steps made stays:
/// it is all in the container's directory, whose owner removes it.
///
/// The caller has all signals blocked (SignalsBlocked), so that none comes between the clone and the supervisor;
/// the container starts with `signal_mask`.
///
/// `clock`, if there is one, is told when each step was done.
Launched launch(const Plan& plan, const StandardStreams& streams, const sigset_t& signal_mask,
                StepClock* clock = nullptr);

}  // namespace minirun
