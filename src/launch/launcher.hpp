// Executes a plan.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "base/fd.hpp"
#include "plan/report.hpp"
#include "plan/step.hpp"

namespace minirun {

struct Launched {
    pid_t pid = -1;
    Fd pidfd;
    Fd terminal;  ///< the master of the container's pty, if it has one
};

/// A step failed in the child. The caller may know more about it than the plan does (see exec_diagnosis.hpp).
class LaunchFailure {
public:
    explicit LaunchFailure(const ChildReport& child_report) : report(child_report) {}
    ChildReport report;
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
Launched launch(const Plan& plan, const StandardStreams& streams, const sigset_t& signal_mask);

}  // namespace minirun
