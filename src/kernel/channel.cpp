#include "kernel/channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

// Room and alignment for the control message that carries one descriptor.
union Control {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

// The same, and for who has sent it.
union ReceivedControl {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))];
};

// Not CMSG_NXTHDR(), which is a function of libc's.
void read_control(const ReceivedControl& control, std::size_t size, Received& received) noexcept {
    cmsghdr header{};
    for (std::size_t at = 0; at + sizeof header <= size; at += CMSG_ALIGN(header.cmsg_len)) {
        std::memcpy(&header, control.bytes + at, sizeof header);
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > size - at) return;
        const auto* data = control.bytes + at + CMSG_LEN(0);
        const auto length = header.cmsg_len - CMSG_LEN(0);
        if (header.cmsg_level != SOL_SOCKET) continue;
        if (header.cmsg_type == SCM_CREDENTIALS && length >= sizeof(ucred)) {
            ucred sender{};
            std::memcpy(&sender, data, sizeof sender);
            received.sender = sender.pid;
        }
        for (std::size_t i = 0; header.cmsg_type == SCM_RIGHTS && i + sizeof(int) <= length; i += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, data + i, sizeof fd);
            if (received.fd < 0)
                received.fd = fd;
            else
                sys::close(fd);  // one is all that is ever sent
        }
    }
}

}  // namespace

SysResult<SocketPair> socket_pair() noexcept {
    int ends[2];
    const auto made = sys::status(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
    if (!made) return SysResult<SocketPair>::failure(made.error());
    return SysResult<SocketPair>::success({ends[0], ends[1]});
}

SysStatus tell_senders(int socket) noexcept {
    const int on = 1;
    return sys::status(SYS_setsockopt, socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

SysStatus send_message(int socket, const void* bytes, std::size_t size, int fd) noexcept {
    iovec part{const_cast<void*>(bytes), size};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    auto sent = SysStatus::failure(EINTR);
    while (sent.error() == EINTR) sent = sys::status(SYS_sendmsg, socket, &message, MSG_NOSIGNAL);
    return sent;
}

SysResult<Received> receive_message(int socket, void* bytes, std::size_t size) noexcept {
    iovec part{bytes, size};
    ReceivedControl control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    auto length = SysResult<int>::failure(EINTR);
    // ECONNRESET comes once, if the other end was closed with a message of ours unread: what it sent is still here.
    while (length.error() == EINTR || length.error() == ECONNRESET)
        length = sys::value(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
    if (!length) return SysResult<Received>::failure(length.error());
    Received received{static_cast<std::size_t>(length.value())};
    read_control(control, message.msg_controllen, received);
    return SysResult<Received>::success(received);
}

}  // namespace minirun::kernel
