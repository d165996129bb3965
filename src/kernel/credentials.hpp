// Ids, capabilities and what else a process can give up. Raw system calls: glibc's wrappers for ids signal all
// threads, which in a child after clone3 no longer exist. No exceptions.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

SysStatus set_groups(const gid_t* gids, std::size_t count) noexcept;
SysStatus set_gid(gid_t gid) noexcept;
SysStatus set_uid(uid_t uid) noexcept;
/// The ids that files are made with (setfsuid(2)), while all capabilities stay.
SysStatus create_as(uid_t uid, gid_t gid) noexcept;
/// PR_SET_KEEPCAPS: the permitted set outlives the change to another user.
SysStatus keep_capabilities() noexcept;
/// Drops every capability that this kernel knows and that is not in `keep` (bit n is capability n).
SysStatus limit_bounding_set(std::uint64_t keep) noexcept;
SysStatus set_capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept;
/// Clears the ambient set, then raises the capabilities in `ambient`.
SysStatus set_ambient(std::uint64_t ambient) noexcept;
SysStatus set_no_new_privileges() noexcept;
/// A new, empty session keyring; success as well where the kernel has none or the user's quota is used up: then the
/// old one is left behind, or stays. keyctl(2), KEYCTL_JOIN_SESSION_KEYRING.
SysStatus join_new_session_keyring() noexcept;
/// Without PR_SET_NO_NEW_PRIVS this needs CAP_SYS_ADMIN. With SECCOMP_FILTER_FLAG_NEW_LISTENER the value is the
/// listener.
SysResult<int> load_seccomp(const sock_filter* instructions, unsigned short count, unsigned flags) noexcept;
SysStatus set_rlimit(int resource, std::uint64_t soft, std::uint64_t hard) noexcept;
/// The capabilities that this process holds in its permitted set.
SysResult<std::uint64_t> permitted_capabilities() noexcept;

}  // namespace minirun::kernel
