#include "launch/send_descriptor.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/system_error.hpp"

namespace minirun {

void send_descriptor(std::string_view what, const std::string& path, std::string_view message, int fd) {
    const auto fail = [&](int error) {
        return system_error(cat("cannot send ", what, " to ", quote(path)), error,
                            error == EAGAIN ? "nobody takes it within 10 seconds: see to who listens there" : "");
    };
    // Who listens may be busy, but not for ever: this process holds the container's lock, and hears no signals.
    constexpr timeval patience{10, 0};
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
        throw fail(errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw fail(ENAMETOOLONG);
    path.copy(address.sun_path, path.size());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) throw fail(errno);
    if (const auto sent = kernel::send_message(socket.get(), message.data(), message.size(), fd); !sent)
        throw fail(sent.error());
}

}  // namespace minirun
