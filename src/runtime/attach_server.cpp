#include "runtime/attach_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_clients = 64;

// By a descriptor of the directory: the path of a socket may be 107 bytes long.
struct Address {
    explicit Address(const std::string& directory_path)
        : directory(::open(directory_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        address.sun_family = AF_UNIX;
        const auto path = cat("/proc/self/fd/", directory.get(), '/', attach_socket);
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }

    Fd directory;
    sockaddr_un address{};
};

Fd new_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) throw system_error("cannot make a socket", errno);
    return socket;
}

}  // namespace

AttachServer::AttachServer(const std::string& directory, Fd first)
    : path_(cat(directory, '/', attach_socket)), listener_(new_socket()) {
    const Address address(directory);
    ::unlink(path_.c_str());
    if (::bind(listener_.get(), address.get(), sizeof address.address) < 0 || ::listen(listener_.get(), 16) < 0)
        throw system_error(cat("cannot listen on ", quote(path_)), errno);
    if (first) clients_.push_back(std::move(first));
}

AttachServer::~AttachServer() { ::unlink(path_.c_str()); }

void AttachServer::watch(std::vector<pollfd>& list) const {
    list.push_back({listener_.get(), POLLIN, 0});
    list.push_back({typed_.empty() ? -1 : sink(), POLLOUT, 0});
    for (const auto& client : clients_)
        list.push_back({client.get(), static_cast<short>(typed_.empty() ? POLLIN : 0), 0});
}

void AttachServer::serve(std::span<const pollfd> events) {
    if (events[1].revents != 0) write_some();
    // One message at a time: what it holds has to be written before the next.
    for (const auto& event : events.subspan(2))
        if (event.revents != 0 && typed_.empty() && !receive(event.fd))
            std::erase_if(clients_, [&](const Fd& client) { return client.get() == event.fd; });
    if (events[0].revents != 0) accept_one();
}

void AttachServer::accept_one() {
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client && clients_.size() < most_clients) clients_.push_back(std::move(client));
}

// False if that was its last.
bool AttachServer::receive(int client) {
    char message[longest_attach_message];
    const auto n = ::recv(client, message, sizeof message, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return false;
    const std::string_view bytes(message + 1, static_cast<std::size_t>(n) - 1);
    if (message[0] == 'i' && sink() >= 0 && !ended_) typed_ = bytes;
    if (message[0] == 'e' && terminal_ < 0) ended_ = true;
    if (message[0] == 'w' && bytes.size() == sizeof size_ && terminal_ >= 0) {
        std::memcpy(&size_, bytes.data(), sizeof size_);
        ::ioctl(terminal_, TIOCSWINSZ, &size_);
    }
    write_some();
    return true;
}

void AttachServer::write_some() {
    const auto n = typed_.empty() ? 0 : ::write(sink(), typed_.data(), typed_.size());
    if (n < 0 && errno != EAGAIN && errno != EINTR) typed_.clear();  // nobody reads it any more
    if (n > 0) typed_.erase(0, static_cast<std::size_t>(n));
    if (ended_ && typed_.empty()) input_.reset();
}

void AttachServer::send(char kind, std::string_view bytes) {
    const std::string message = cat(kind, bytes);
    std::erase_if(clients_, [&](const Fd& client) {
        return ::send(client.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
    });
}

void AttachServer::tell(int stream, std::string_view bytes) {
    while (!bytes.empty() && !clients_.empty()) {
        const auto part = bytes.substr(0, longest_attach_message - 1);
        send(stream == STDERR_FILENO ? '2' : '1', part);
        bytes.remove_prefix(part.size());
    }
}

void AttachServer::tell_end(int exit_code) {
    send('x', cat(exit_code));
    clients_.clear();
}

Fd connect_to_attach(const std::string& directory) {
    const Address address(directory);
    auto socket = new_socket();
    if (::connect(socket.get(), address.get(), sizeof address.address) == 0) return socket;
    if (errno == ENOENT || errno == ECONNREFUSED) return Fd();
    throw system_error(cat("cannot reach the container at ", quote(cat(directory, '/', attach_socket))), errno);
}

}  // namespace minirun
