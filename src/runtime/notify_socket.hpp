// sd_notify(3) through a container: NOTIFY_SOCKET of whoever starts it, as runc hands it on.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "minirun/spec.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

/// Gives the container a socket of its own, in a directory of the record, and tells its process in NOTIFY_SOCKET.
void add_notify_socket(ContainerSpec& spec, const ContainerRecord& record);

/// The host's end of it: made in `create`, served by `start` or `run`.
class NotifySocket {
public:
    /// Makes the directory that add_notify_socket() mounts. Throws Error.
    static void make_directory(const ContainerRecord& record, const std::string& host);
    /// Listens from now on. `host` is who is told. Throws Error.
    NotifySocket(const ContainerRecord& record, std::string host);
    /// Until the container has said READY=1, or ended; the host is told, and which process it is.
    void await_ready(const Fd& process, pid_t pid) const;
    /// The same in a process of its own.
    void await_ready_aside(const Fd& process, pid_t pid) const;

private:
    Fd socket_;
    std::string host_;
};

}  // namespace minirun
