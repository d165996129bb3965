// What this kernel can do: probed once, injectable in tests.
#pragma once

#include <string>
#include <vector>

#include "kernel/cgroup_layout.hpp"

namespace minirun {

/// A cgroup v1 hierarchy as the host has it: the name of its directory and its mount options.
struct CgroupHierarchy {
    std::string directory;             ///< "cpu,cpuacct"
    std::vector<std::string> options;  ///< "cpu", "cpuacct" or "none", "name=systemd"
    bool operator==(const CgroupHierarchy&) const = default;
};

struct KernelFeatures {
    std::string release;               ///< uname -r
    bool overlay = true;               ///< the overlay file system is there
    bool overlay_lowerdir_add = true;  ///< one lowerdir+ per layer (Linux 6.7)
    bool filesystem_contexts = true;   ///< fsopen(2), fsconfig(2), fsmount(2); mount(2) stands in for them
    bool mount_setattr = true;         ///< ids of mounts can be mapped; for all else mount(2) stands in
    bool mqueue = true;                ///< POSIX message queues
    /// minirun is in the host's own user namespace: elsewhere nobody can make device nodes or attach device rules.
    bool host_user_namespace = true;
    bool set_groups = true;                  ///< not where a user namespace denies it (user_namespaces(7))
    bool apparmor = false, selinux = false;  ///< security modules that are at work
    bool cgroup_unified = true;              ///< /sys/fs/cgroup is cgroup v2
    std::vector<CgroupHierarchy> cgroup_v1;  ///< on legacy and hybrid hosts
    CgroupLayout cgroups;                    ///< probed where a container gets a cgroup (probe_cgroups())
    std::vector<std::string> missing;        ///< required system calls that are not there
};

/// Whether the user namespace of this process is the host's: the first one.
bool is_in_host_user_namespace();

/// Asks the running kernel. MINIRUN_WITHOUT (a comma-separated list of: lowerdir+) makes it less able than it is, for
/// the tests of the fallbacks; it can only take away.
KernelFeatures probe_kernel();

}  // namespace minirun
