// All tables between the kernel's numbers and their names, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minirun {

/// "ENOENT"; "errno 1234" for one that has no name here.
std::string errno_name(int error);
/// "No such file or directory" (strerror(3) in the C locale).
std::string errno_text(int error);

/// "SIGTERM", "TERM" (any case), "RTMIN+3" or "15" -> 15. See signal(7).
std::optional<int> signal_number(std::string_view text);
std::string signal_name(int number);

/// "CAP_CHOWN", "chown" -> 0. See capabilities(7).
std::optional<int> capability_number(std::string_view text);
/// 0 -> "CAP_CHOWN"; "CAP_41" for one newer than this table.
std::string capability_name(int number);
/// The highest capability that this table knows.
int last_known_capability() noexcept;

/// "RLIMIT_NOFILE", "nofile" -> 7. See getrlimit(2).
std::optional<int> rlimit_number(std::string_view text);
std::string rlimit_name(int number);

/// "SCHED_OTHER" -> 0. See sched(7).
std::optional<std::uint32_t> scheduler_policy(std::string_view name);
/// Modes ("MPOL_BIND") and flags ("MPOL_F_STATIC_NODES") of set_mempolicy(2).
std::optional<std::uint32_t> memory_policy_mode(std::string_view name);
std::optional<std::uint32_t> memory_policy_flag(std::string_view name);
/// "SCHED_FLAG_RESET_ON_FORK" -> 1. See sched_setattr(2).
std::optional<std::uint64_t> scheduler_flag(std::string_view name);
/// "IOPRIO_CLASS_BE" -> 2. See ioprio_set(2).
std::optional<int> io_priority_class(std::string_view name);
/// "0-3,7" as a mask for sched_setaffinity(2): bit n of word n/64 is CPU n; nothing if it is no such list.
std::optional<std::vector<std::uint64_t>> cpu_set(std::string_view list);

/// A mount option of fstab(5) or of the OCI runtime specification's table, as what it does to a mount.
///
/// Options add up from left to right, a later one takes back an earlier one:
/// set = (set & ~option.clear) | option.set, clear |= option.clear.
struct MountOption {
    std::uint64_t set = 0;          ///< MOUNT_ATTR_* to set
    std::uint64_t clear = 0;        ///< MOUNT_ATTR_* to clear
    std::uint64_t propagation = 0;  ///< MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE
    bool recursive = false;         ///< also for the mounts below (rbind, rro, rslave, …)
    bool bind = false;              ///< "bind", "rbind"
    bool remount = false;           ///< "remount"
    bool copy_up = false;           ///< "tmpcopyup": the tmpfs starts with what the image has there
    bool idmap = false;             ///< "idmap", "ridmap"
    /// A flag of the superblock ("sync", "ro", …) for FSCONFIG_SET_FLAG, in the order of the options; empty for most.
    /// Bind mounts have no superblock of their own: not for them.
    std::string_view fs_flag = {};
};
/// Nothing for what is an option of the file system itself ("size=64m").
std::optional<MountOption> mount_option(std::string_view name);
/// All names that mount_option() knows, sorted.
std::vector<std::string> mount_option_names();
/// MOUNT_ATTR_* bits as "nosuid,nodev".
std::string mount_attr_names(std::uint64_t attributes);

/// The name of a file system by its statfs(2) magic: "ext2/3/4", "overlay", "nfs", or "0x1234abcd".
std::string filesystem_name(std::uint64_t magic);

}  // namespace minirun
