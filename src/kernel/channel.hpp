// One message with at most one descriptor over a Unix socket (SCM_RIGHTS). No exceptions: the child reports with it.
#pragma once

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
};
SysResult<Received> receive_message(int socket, void* bytes, std::size_t size) noexcept;

}  // namespace minirun::kernel
