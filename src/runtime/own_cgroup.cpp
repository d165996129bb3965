#include "runtime/own_cgroup.hpp"

#include "cgroup/control.hpp"
#include "cgroup/usage.hpp"

namespace minirun {

OwnCgroup::OwnCgroup(std::optional<CgroupPlace> place) : place_(std::move(place)) {
    if (place_) refuse_occupied(*place_);
}

OwnCgroup::~OwnCgroup() {
    if (place_) remove_cgroup(*place_);
}

void OwnCgroup::count_from_here() {
    if (place_) at_start_ = cgroup_verdict(*place_);
}

std::optional<ResourceVerdict> OwnCgroup::verdict() const {
    if (!place_) return std::nullopt;
    auto verdict = cgroup_verdict(*place_);
    leave_out_cpu_time(verdict, at_start_);
    return verdict;
}

}  // namespace minirun
