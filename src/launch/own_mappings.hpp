// What this process is the running image of, exchanged under it: what execve(2) would do, without beginning anew.
#pragma once

#include "base/fd.hpp"
#include "kernel/sys_result.hpp"

namespace minirun {

/// Goes on from `program`, a file with the same content as this program's: maps its code and constants from there,
/// keeps its data in memory of its own, and has /proc/PID/exe lead there (PR_SET_MM_MAP, prctl(2)). The kernel sees to
/// it that nothing of the old file is left: EBUSY. For a process with one thread. EPERM without CAP_SYS_ADMIN or
/// CAP_CHECKPOINT_RESTORE, EINVAL from kernels without CONFIG_CHECKPOINT_RESTORE. After a failure the process goes on,
/// too, with the old file in the place of /proc/PID/exe.
SysStatus exchange_own_file(const Fd& program);

}  // namespace minirun
