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

/// Ends, at the end of its scope, what a container without a pid namespace has left: all that is in its mount
/// namespace.
class Stragglers {
public:
    /// `mount_namespace` is the container's own, open since its first process was made (open_mount_namespace).
    Stragglers(Fd mount_namespace, const ContainerSpec& spec);
    ~Stragglers();
    Stragglers(const Stragglers&) = delete;
    Stragglers& operator=(const Stragglers&) = delete;

private:
    Fd mount_namespace_;
};

/// The mount namespace of a process. Its number is its own as long as it is open.
Fd open_mount_namespace(pid_t pid);

/// Makes the symbolic link `path`, whose target tells which process `pid` is: its number, when it started and in which
/// boot of the machine, and its mount namespace, if that is given. One system call, so it is there whole or not at all.
SysStatus record_process(const char* path, pid_t pid, const Fd& mount_namespace);
/// In place of one that is there.
SysStatus record_process_again(const std::string& path, pid_t pid, const Fd& mount_namespace);

/// A pidfd of the process that record_process() has written down there, if it lives and is that one; none also for a
/// zombie.
Fd open_recorded_process(const std::string& path);
/// Its number; 0 if nothing is written down.
pid_t recorded_pid(const std::string& path);

/// Ends the process that record_process() has written down there, if it lives and is that one, and all that is in its
/// mount namespace, where that was written down (before Linux 6.11 there are no numbers that are never used again:
/// not).
void end_recorded_process(const std::string& path);

}  // namespace minirun
