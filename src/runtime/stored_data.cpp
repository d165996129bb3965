#include "runtime/stored_data.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace minirun {
namespace {

constexpr std::array<unsigned long, 19> interfaces_of_the_kernel = {PROC_SUPER_MAGIC,
                                                                    SYSFS_MAGIC,
                                                                    CGROUP_SUPER_MAGIC,
                                                                    CGROUP2_SUPER_MAGIC,
                                                                    DEVPTS_SUPER_MAGIC,
                                                                    DEBUGFS_MAGIC,
                                                                    TRACEFS_MAGIC,
                                                                    SECURITYFS_MAGIC,
                                                                    SELINUX_MAGIC,
                                                                    SMACK_MAGIC,
                                                                    PSTOREFS_MAGIC,
                                                                    EFIVARFS_MAGIC,
                                                                    BPF_FS_MAGIC,
                                                                    NSFS_MAGIC,
                                                                    BINFMTFS_MAGIC,
                                                                    RDTGROUP_SUPER_MAGIC,
                                                                    0x19800202 /* mqueue */,
                                                                    0x62656570 /* configfs */,
                                                                    0x5a3c69f0 /* that of AppArmor */};

}  // namespace

bool is_stored_data(int file) noexcept {
    struct statfs system {};
    if (::fstatfs(file, &system) < 0) return false;
    const auto magic = static_cast<unsigned long>(system.f_type) & 0xffffffff;
    return std::find(interfaces_of_the_kernel.begin(), interfaces_of_the_kernel.end(), magic) ==
           interfaces_of_the_kernel.end();
}

}  // namespace minirun
