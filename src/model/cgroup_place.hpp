// Where a container's cgroup is: one path, which is the same in each hierarchy that it has a part in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/cgroup_layout.hpp"

namespace minirun {

/// The container's cgroup in one hierarchy.
struct CgroupDirectory {
    std::string mount;                     ///< "/sys/fs/cgroup/memory"
    std::string path;                      ///< "/sys/fs/cgroup/memory/minirun-ID"
    std::vector<std::string> controllers;  ///< that can be used in it
    bool v2 = false;
    bool operator==(const CgroupDirectory&) const = default;
    bool has(std::string_view controller) const noexcept;
};

struct CgroupPlace {
    std::string name;  ///< "/minirun-ID"; all that has to be remembered to find it again
    std::vector<CgroupDirectory> directories;

    bool unified() const noexcept { return directories.size() == 1 && directories[0].v2; }
    /// Where the files of a controller are; "" asks for those of every cgroup. Null: nowhere.
    const CgroupDirectory* find(std::string_view controller) const noexcept;
    const CgroupDirectory* v2() const noexcept;
};

/// The name that .linux.cgroupsPath means: "/a/b" is just that, "a/b" is "/minirun/a/b", and none is "/minirun-ID".
/// Throws Error{bad_input} where ".." is in it, and for the root itself, which has other processes and no limits.
std::string cgroup_name(std::string_view cgroups_path, std::string_view id);

/// In all hierarchies of the host, or, if some controllers are named, in theirs only.
CgroupPlace cgroup_place(const CgroupLayout& layout, const std::string& name,
                         const std::vector<std::string>& controllers = {});

}  // namespace minirun
