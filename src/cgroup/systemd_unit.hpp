// The systemd manager: a container's cgroup is a scope that systemd makes, and is told the limits of.
//
// systemd owns the tree of cgroups where it runs, and may rearrange what it was not told about. This here is what it is
// to be asked for, as data; the asking, over D-Bus, is a program of its own (minirun-systemd), since its library cannot
// be linked statically.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "minirun/resources.hpp"

namespace minirun {

struct SystemdUnit {
    std::string slice;   ///< "system.slice"
    std::string name;    ///< "docker-ID.scope"
    std::string cgroup;  ///< where systemd makes it: "/system.slice/docker-ID.scope"
    bool operator==(const SystemdUnit&) const = default;
};

/// From .linux.cgroupsPath "SLICE:PREFIX:NAME"; empty: "system.slice:minirun:ID" ("user.slice" for a user's own
/// manager, whose tree begins at `manager_cgroup`, "/user.slice/user-1000.slice/user@1000.service"; empty for that of
/// the system). Throws Error{bad_input} for another form.
SystemdUnit systemd_unit(std::string_view cgroups_path, std::string_view id, std::string_view manager_cgroup);

/// "a-b-c.slice" is in "/a.slice/a-b.slice/a-b-c.slice", "-.slice" is the root (systemd.slice(5)).
std::string slice_cgroup(std::string_view slice);

/// The properties of the scope that resources ask for, "NAME=VALUE", in systemd's own units: "MemoryMax=67108864",
/// "CPUQuotaPerSecUSec=500000", "AllowedCPUs=0-1".
std::vector<std::string> systemd_limits(const Resources& resources);
/// Those, and what makes the scope the container's own.
std::vector<std::string> systemd_properties(const Resources& resources);

}  // namespace minirun
