// Processes of a container that would outlive the one who watches over it.
//
// Two things can leave some. Without a pid namespace (--pid host) nothing ends what the first process has forked; that
// is Stragglers. And a kill -9 of minirun reaches the container by the parent-death signal only, which a process of
// it can switch off, and which is lost when it changes its user, as many entrypoints do (prctl(2), PR_SET_PDEATHSIG).
// So it is written down which process it is, before any program of the image runs, and the next command ends it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "kernel/sys_result.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// Ends, at the end of its scope, what a container without a pid namespace has left: all that is in its mount namespace.
class Stragglers {
public:
    /// `pid` is the container's first process, running.
    Stragglers(pid_t pid, const ContainerSpec& spec);
    ~Stragglers();
    Stragglers(const Stragglers&) = delete;
    Stragglers& operator=(const Stragglers&) = delete;

private:
    Fd mount_namespace_;
};

/// Makes the symbolic link `path`, whose target tells which process `pid` is: its number, when it started, and in which
/// boot of the machine. One system call, so it is there whole or not at all.
SysStatus record_process(const char* path, pid_t pid);

/// Ends the process that record_process() has written down there, and all that is in its pid or mount namespace; returns
/// when it has ended. Does nothing if there is no record, or if the process is not that one any more.
void end_recorded_process(const std::string& path);

}  // namespace minirun
