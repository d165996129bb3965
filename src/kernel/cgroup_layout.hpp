// How this host has its cgroups mounted.
//
// Three ways are met: cgroup v2 alone; v1, with a hierarchy for each controller; and both ("hybrid"), where v2 is there
// without controllers beside those of v1. A controller is in one hierarchy only, so where v1 has it, v1 is used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// One hierarchy of cgroups and where it can be reached.
struct CgroupHierarchyMount {
    std::string mount;                     ///< "/sys/fs/cgroup/memory"
    std::vector<std::string> controllers;  ///< of v1 also "name=systemd"; of v2 those that its root can give on
    std::string own;                       ///< the cgroup of minirun itself, below the mount: "/", "/a/b"
    bool v2 = false;
    bool operator==(const CgroupHierarchyMount&) const = default;
};

struct CgroupLayout {
    std::vector<CgroupHierarchyMount> hierarchies;
    bool bfq_weight = false;  ///< the weight of block I/O is the BFQ scheduler's, in a file of its own

    /// cgroup v2 alone.
    bool unified() const noexcept { return hierarchies.size() == 1 && hierarchies[0].v2; }
    /// Where a controller is; null if this host does not have it, or only where it cannot be used.
    const CgroupHierarchyMount* find(std::string_view controller) const noexcept;
    const CgroupHierarchyMount* v2() const noexcept;
    bool operator==(const CgroupLayout&) const = default;
};

/// From the texts of /proc/self/mountinfo and /proc/self/cgroup; files of the cgroups are looked at below `root`.
CgroupLayout cgroup_layout(std::string_view mountinfo, std::string_view own_cgroups, const std::string& root);

/// This host's, and where this process is, as they are when it is first asked for.
const CgroupLayout& probe_cgroups();

/// What a file below /proc or /sys holds now; empty if it cannot be read.
std::string read_kernel_file(const std::string& path);

}  // namespace minirun
