// Health checks of a container, in the loop of the process that watches over it.
//
// A check is a process of its own, this program begun anew, which enters the container as exec does: whatever it hangs
// in, the supervisor goes on. That one wakes up when a check is due, when it writes, and when it has ended.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "launch/supervise.hpp"
#include "minirun/health.hpp"
#include "model/cgroup_place.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {

class HealthMonitor : public SupervisedService {
public:
    /// From now on, the start of a container. `cgroup`: its own, or null; `mask`: the signals that are blocked in a
    /// program that it runs. Null if it has no check, or there is no program for it.
    static std::unique_ptr<HealthMonitor> of(const StoredContainer& container, const CgroupPlace* cgroup,
                                             const sigset_t& mask);
    /// Ends a check that is at work.
    ~HealthMonitor() override;

    void watch(std::vector<pollfd>& list) const override;
    void serve(std::span<const pollfd> events) override;

private:
    HealthMonitor(const StoredContainer& container, const CgroupPlace* cgroup, const sigset_t& mask);
    void set_timer(std::chrono::nanoseconds time);
    void begin_check();
    void read_output();
    void end_check();
    void take(int exit_code);
    bool is_paused() const;
    std::chrono::nanoseconds since_start() const;

    const StoredContainer& container_;
    const CgroupPlace* cgroup_;
    sigset_t mask_;
    HealthCheck check_;
    Health health_;
    Fd timer_;
    std::int64_t started_;  ///< of CLOCK_MONOTONIC
    Fd process_, output_;   ///< of a check that is at work
    std::chrono::nanoseconds begun_{};
    HealthResult result_;
    bool cut_ = false;
};

}  // namespace minirun
