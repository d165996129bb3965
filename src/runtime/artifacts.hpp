// minirun run --artifacts PATH:DIR: what is copied out of a container that has ended.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "minirun/findings.hpp"

namespace minirun {

/// The directories that copies go to, open before the container runs: whatever it does to the host's paths, in a
/// volume, they are these. The copy of PATH is in DIR, under PATH's last name.
class Artifacts {
public:
    /// Makes directories that are missing. Throws Error if one cannot be made or is a symbolic link, or if a copy would
    /// be where something is.
    explicit Artifacts(const std::vector<ArtifactOption>& options);

    /// Copies out of the root of the mount namespace `mounts`, whose processes have ended. A copy appears whole, or not
    /// at all. What goes wrong is in the result: this throws nothing.
    std::vector<ArtifactResult> collect(const Fd& mounts, const std::function<bool()>& stop) const;

private:
    struct Target {
        ArtifactOption option;
        Fd directory;
        std::string name;
    };
    std::vector<Target> targets_;
};

/// What there is to say about one: that it is missing, incomplete, or not there, and why; empty if nothing.
std::string remark_on(const ArtifactResult& artifact);

}  // namespace minirun
