#include "kernel/credentials.hpp"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace minirun::kernel {
namespace {

constexpr std::uint32_t low(std::uint64_t set) { return static_cast<std::uint32_t>(set); }
constexpr std::uint32_t high(std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32); }

}  // namespace

SysStatus set_groups(const gid_t* gids, std::size_t count) noexcept {
    return sys_status(syscall(SYS_setgroups, count, gids));
}

SysStatus set_gid(gid_t gid) noexcept { return sys_status(syscall(SYS_setresgid, gid, gid, gid)); }

SysStatus set_uid(uid_t uid) noexcept { return sys_status(syscall(SYS_setresuid, uid, uid, uid)); }

SysStatus create_as(uid_t uid, gid_t gid) noexcept {
    // Without this, leaving file system id 0 takes CAP_DAC_OVERRIDE, CAP_MKNOD, … out of the effective set.
    if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0) return SysStatus::failure(errno);
    // They return the old id and no error: the second call shows whether the first one worked.
    syscall(SYS_setfsgid, gid);
    syscall(SYS_setfsuid, uid);
    const bool done =
        static_cast<gid_t>(syscall(SYS_setfsgid, gid)) == gid && static_cast<uid_t>(syscall(SYS_setfsuid, uid)) == uid;
    return done ? SysStatus::success() : SysStatus::failure(EPERM);
}

SysStatus keep_capabilities() noexcept { return sys_status(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)); }

SysStatus limit_bounding_set(std::uint64_t keep) noexcept {
    for (int capability = 0; capability < 64; capability++) {
        if ((keep >> capability & 1) != 0) continue;
        // EINVAL: one past the last capability of this kernel.
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return errno == EINVAL && capability > 0 ? SysStatus::success() : SysStatus::failure(errno);
    }
    return SysStatus::success();
}

SysStatus set_capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct data[2] = {{low(effective), low(permitted), low(inheritable)},
                                            {high(effective), high(permitted), high(inheritable)}};
    return sys_status(syscall(SYS_capset, &header, data));
}

SysStatus set_ambient(std::uint64_t ambient) noexcept {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return SysStatus::failure(errno);
    for (int capability = 0; capability < 64; capability++)
        if ((ambient >> capability & 1) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return SysStatus::failure(errno);
    return SysStatus::success();
}

SysStatus join_new_session_keyring() noexcept {
    const auto joined = sys_status(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
    const bool harmless = !joined && (joined.error() == ENOSYS || joined.error() == EDQUOT);
    return harmless ? SysStatus::success() : joined;
}

SysStatus set_no_new_privileges() noexcept { return sys_status(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

SysStatus load_seccomp(const sock_filter* instructions, unsigned short count, unsigned flags) noexcept {
    // The kernel only reads through this pointer; the struct of the interface is not const.
    const sock_fprog program{count, const_cast<sock_filter*>(instructions)};
    return sys_status(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

SysStatus set_rlimit(int resource, std::uint64_t soft, std::uint64_t hard) noexcept {
    const struct rlimit64 limit { soft, hard };
    return sys_status(syscall(SYS_prlimit64, 0, resource, &limit, nullptr));
}

SysResult<std::uint64_t> permitted_capabilities() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) < 0) return SysResult<std::uint64_t>::failure(errno);
    return SysResult<std::uint64_t>::success(std::uint64_t{data[1].permitted} << 32 | data[0].permitted);
}

}  // namespace minirun::kernel
