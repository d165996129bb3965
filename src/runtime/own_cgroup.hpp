// The cgroup of a container that this process watches over.
#pragma once

#include <optional>

#include "minirun/verdict.hpp"
#include "model/cgroup_place.hpp"

namespace minirun {

/// If it gets one: whatever of it has been made goes with the scope.
class OwnCgroup {
public:
    /// Throws Error{conflict} if it is another one's.
    explicit OwnCgroup(std::optional<CgroupPlace> place);
    ~OwnCgroup();
    OwnCgroup(const OwnCgroup&) = delete;
    OwnCgroup& operator=(const OwnCgroup&) = delete;

    const CgroupPlace* place() const { return place_ ? &*place_ : nullptr; }
    /// What was used by now was used to make the container.
    void count_from_here();
    std::optional<ResourceVerdict> verdict() const;

private:
    std::optional<CgroupPlace> place_;
    ResourceVerdict at_start_;
};

}  // namespace minirun
