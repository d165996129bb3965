// Collects the steps of a plan. The contributors (rootfs/, security/, network/) add to it in the order in which
// launch/plan_from_request.cpp calls them; each may add steps to several phases.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/features.hpp"
#include "model/cgroup_place.hpp"
#include "model/launch_request.hpp"
#include "model/runtime_spec.hpp"
#include "plan/step.hpp"

namespace minirun {

class PlanBuilder {
public:
    PlanBuilder(const LaunchRequest& launch_request, const KernelFeatures& kernel_features)
        : request(launch_request), features(kernel_features) {}

    const LaunchRequest& request;
    const KernelFeatures& features;
    /// The container's own, where it gets one.
    std::optional<CgroupPlace> cgroup;
    Arena& arena() { return plan_.arena; }

    void host_before(Operation operation) { add(Phase::host_before, operation); }
    void clone(Operation operation) { add(Phase::clone, operation); }
    void host_after(Operation operation) { add(Phase::host_after, operation); }
    void child(Operation operation) { add(Phase::child, operation); }
    void child_final(Operation operation) { add(Phase::child_final, operation); }

    const char* text(std::string_view source) { return arena().text(source); }
    std::span<const char> bytes(std::string_view source) { return {text(source), source.size()}; }

    /// The steps of one phase after those of the other, each phase in the order of the calls.
    Plan finish() {
        for (const auto& phase : phases_) plan_.steps.insert(plan_.steps.end(), phase.begin(), phase.end());
        return std::move(plan_);
    }

private:
    void add(Phase phase, Operation operation) {
        phases_[static_cast<std::size_t>(phase)].push_back({phase, operation});
    }

    Plan plan_;
    std::array<std::vector<Step>, 5> phases_;
};

}  // namespace minirun
