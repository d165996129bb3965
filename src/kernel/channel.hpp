// One message with at most one descriptor over a Unix socket (SCM_RIGHTS). No exceptions: the child reports with it.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "kernel/sys_result.hpp"

namespace minirun::kernel {

struct SocketPair {
    int here = -1, there = -1;
};
/// Two connected ends that keep the bounds of messages (SOCK_SEQPACKET); close-on-exec.
SysResult<SocketPair> socket_pair() noexcept;
/// Sends `size` bytes and, if `fd` is not negative, that descriptor.
SysStatus send_message(int socket, const void* bytes, std::size_t size, int fd = -1) noexcept;

struct Received {
    std::size_t size = 0;  ///< 0: the other end is closed
    int fd = -1;           ///< close-on-exec
    pid_t sender = 0;      ///< as this process sees it, where tell_senders() was asked for; 0: nobody
};
/// What is received on this socket from now on says who has sent it: SCM_CREDENTIALS, which the kernel fills in.
SysStatus tell_senders(int socket) noexcept;
SysResult<Received> receive_message(int socket, void* bytes, std::size_t size) noexcept;

}  // namespace minirun::kernel
