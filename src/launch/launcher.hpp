// Executes a plan.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <span>

#include "base/fd.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/child_reports.hpp"
#include "launch/denial_counter.hpp"
#include "launch/pasta_process.hpp"
#include "minirun/streams.hpp"
#include "plan/step.hpp"

namespace minirun {

struct Launched {
    pid_t pid = -1;
    Fd pidfd;
    Fd mount_namespace;  ///< the one that it was made in, if more than its end is needed to end all that is in there
    Fd terminal;         ///< the master of the container's pty, if it has one
    Fd upper;            ///< of op::HandOverUpper: the directory that the writable layer is in
    Fd kept_mounts;      ///< of op::KeepMounts: the mount namespace
    std::unique_ptr<DenialCounter> denials;  ///< of a filter whose denials are counted
    Fd network;                              ///< the container's network namespace, if one of these two connects it
    PastaProcess pasta;                      ///< of op::StartPasta
    BridgeConnection bridges;                ///< of op::ConnectBridges
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

/// What a launch is given besides the plan.
struct LaunchSetting {
    StandardStreams streams;     ///< they become the container's
    sigset_t signal_mask = {};   ///< what the container starts with
    int start_listener = -1;     ///< where a container that waits to be started listens; see start_created()
    StepClock* clock = nullptr;  ///< told when each step was done
    bool* hooked = nullptr;      ///< becomes true before the first hook runs
};

/// Executes the host's steps, clones, and returns when the container's process has been exec'ed, or waits to be started
/// (op::AwaitStart). Throws LaunchFailure when a step failed in the child (it has been reaped then), Error when one
/// failed here. What host steps made stays: it is all in the container's directory, whose owner removes it.
///
/// The caller has all signals blocked (SignalsBlocked), so that none comes between the clone and the supervisor.
Launched launch(const Plan& plan, const LaunchSetting& setting);

/// Has a container that waits to be started go on, over a connection to its listener that tells who sends
/// (kernel::tell_senders()), and returns when it has been exec'ed. `process` is the container's. Throws as launch().
void start_created(const Plan& plan, int socket, pid_t pid, const Fd& process);

}  // namespace minirun
