#include "kernel/credentials.hpp"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

constexpr std::uint32_t low(std::uint64_t set) { return static_cast<std::uint32_t>(set); }
constexpr std::uint32_t high(std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32); }

}  // namespace

SysStatus set_groups(const gid_t* gids, std::size_t count) noexcept { return sys::status(SYS_setgroups, count, gids); }

SysStatus set_gid(gid_t gid) noexcept { return sys::status(SYS_setresgid, gid, gid, gid); }

SysStatus set_uid(uid_t uid) noexcept { return sys::status(SYS_setresuid, uid, uid, uid); }

SysStatus create_as(uid_t uid, gid_t gid) noexcept {
    // Without this, leaving file system id 0 takes CAP_DAC_OVERRIDE, CAP_MKNOD, … out of the effective set.
    if (const auto set = sys::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP); !set) return set;
    // They return the old id and no error: the second call shows whether the first one worked.
    sys::call(SYS_setfsgid, gid);
    sys::call(SYS_setfsuid, uid);
    const bool done = static_cast<gid_t>(sys::call(SYS_setfsgid, gid)) == gid &&
                      static_cast<uid_t>(sys::call(SYS_setfsuid, uid)) == uid;
    return done ? SysStatus::success() : SysStatus::failure(EPERM);
}

SysStatus keep_capabilities() noexcept { return sys::prctl(PR_SET_KEEPCAPS, 1); }

SysStatus limit_bounding_set(std::uint64_t keep) noexcept {
    for (int capability = 0; capability < 64; capability++) {
        if ((keep >> capability & 1) != 0) continue;
        // EINVAL: one past the last capability of this kernel.
        if (const auto dropped = sys::prctl(PR_CAPBSET_DROP, capability); !dropped)
            return dropped.error() == EINVAL && capability > 0 ? SysStatus::success() : dropped;
    }
    return SysStatus::success();
}

SysStatus set_capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct data[2] = {{low(effective), low(permitted), low(inheritable)},
                                            {high(effective), high(permitted), high(inheritable)}};
    return sys::status(SYS_capset, &header, data);
}

SysStatus set_ambient(std::uint64_t ambient) noexcept {
    auto done = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
    for (int capability = 0; capability < 64 && done; capability++)
        if ((ambient >> capability & 1) != 0) done = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
    return done;
}

SysStatus join_new_session_keyring() noexcept {
    const auto joined = sys::status(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    const bool harmless = !joined && (joined.error() == ENOSYS || joined.error() == EDQUOT);
    return harmless ? SysStatus::success() : joined;
}

SysStatus set_no_new_privileges() noexcept { return sys::prctl(PR_SET_NO_NEW_PRIVS, 1); }

SysResult<int> load_seccomp(const sock_filter* instructions, unsigned short count, unsigned flags) noexcept {
    // The kernel only reads through this pointer; the struct of the interface is not const.
    const sock_fprog program{count, const_cast<sock_filter*>(instructions)};
    return sys::value(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

SysStatus set_rlimit(int resource, std::uint64_t soft, std::uint64_t hard) noexcept {
    const struct rlimit64 limit { soft, hard };
    return sys::status(SYS_prlimit64, 0, resource, &limit, nullptr);
}

SysResult<std::uint64_t> permitted_capabilities() noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (const auto got = sys::status(SYS_capget, &header, data); !got)
        return SysResult<std::uint64_t>::failure(got.error());
    return SysResult<std::uint64_t>::success(std::uint64_t{data[1].permitted} << 32 | data[0].permitted);
}

}  // namespace minirun::kernel
