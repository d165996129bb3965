// A container's cgroup at work: made, entered, limited, frozen, ended, removed.
//
// Each function can be called again after a crash at any moment and goes on from there: making takes what is there,
// removing what is left.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "cgroup/settings.hpp"
#include "kernel/sys_result.hpp"
#include "model/cgroup_place.hpp"

namespace minirun {

/// Whether this user may make the directories of it that are missing.
bool may_be_made(const CgroupPlace& place);

/// Makes a cgroup in one hierarchy with the parents that are missing. On v2 each parent is told to hand all controllers
/// on that it has; on v1 a cpuset gets what its parent has, since it begins with none and could not be entered.
/// EEXIST if there are processes in it already: it is somebody else's.
SysStatus make_cgroup(const std::string& mount, const std::string& path, bool v2);

/// Makes a user the owner of a cgroup of v2, and of those files that the kernel names for it
/// (/sys/kernel/cgroup/delegate): not of its limits.
SysStatus delegate_cgroup(const std::string& path, uid_t uid);

/// Throws Error{conflict} if there are processes in it, or below it: whoever is going to remove it asks this before he
/// makes it.
void refuse_occupied(const CgroupPlace& place);

/// Writes a file of a cgroup. What it has already is not written again: v1 answers EBUSY to an unchanged limit on
/// memory that is all in use, and engines send limits again that have not changed.
SysStatus write_cgroup_file(const std::string& path, std::string_view value);

/// Writes all settings to a cgroup that is in use. Throws Error that names the setting, at the first that fails.
void apply_settings(const CgroupPlace& place, const std::vector<CgroupSetting>& settings);
/// What an update has to know.
CurrentLimits current_limits(const CgroupPlace& place);

/// Keeps or replaces the device rules (with_default_devices()) of a cgroup that is in use. Throws Error.
void apply_device_rules(const CgroupPlace& place, const std::vector<DeviceRule>& rules, const std::string& where);

/// Moves a process there. A process alone in its memory is faster moved by itself, see op::EnterCgroup.
void add_process(const CgroupPlace& place, pid_t pid);

/// All processes of it and of the cgroups below it.
std::vector<pid_t> cgroup_processes(const CgroupPlace& place);

/// Stops all processes where they are, and returns when they have; throws Error if they do not. thaw_cgroup() lets
/// them go on.
void freeze_cgroup(const CgroupPlace& place);
void thaw_cgroup(const CgroupPlace& place);
bool is_frozen(const CgroupPlace& place);

/// Where below a cgroup one of its processes is, if nobody else can be in the cgroup itself: on v2 one that hands
/// controllers on has no processes of its own (cgroups(7), "no internal processes"). Otherwise empty.
std::string cgroup_of_member(const CgroupPlace& place, pid_t process);

/// Sends a signal to every process; with SIGKILL until there is none left, frozen or not. Whether there was any.
bool kill_cgroup(const CgroupPlace& place, int signal);

/// Ends what is in it, and removes it with all cgroups below it, and with those above it that are minirun's own and
/// hold nothing else. Whether it is gone.
bool remove_cgroup(const CgroupPlace& place) noexcept;

/// The same of a cgroup whose name is all that is left of it, wherever this host has it. Nothing for a name that is
/// none.
bool remove_cgroup_of_name(const std::string& name) noexcept;

}  // namespace minirun
