#include "runtime/notify_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* name_on_host = "notify";
constexpr const char* directory_inside = "/run/notify";
constexpr const char* socket_name = "notify.sock";
constexpr std::string_view variable = "NOTIFY_SOCKET=";

std::string directory_of(const ContainerRecord& record) { return cat(record.path(), '/', name_on_host); }

Fd new_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) throw system_error("cannot make a socket", errno);
    return socket;
}

// "@name" is one without a file (unix(7), "abstract").
sockaddr_un address_of(const std::string& path, socklen_t& length) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(ErrorKind::bad_input, cat("NOTIFY_SOCKET is longer than a socket's path can be: ", quote(path)));
    path.copy(address.sun_path, path.size());
    if (path.starts_with('@')) address.sun_path[0] = '\0';
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path.starts_with('@') ? 0 : 1));
    return address;
}

bool says_ready(std::string_view message) {
    const auto lines = split(message, '\n');
    return std::any_of(lines.begin(), lines.end(), [](const std::string& line) { return line == "READY=1"; });
}

// By a signal that is blocked (SignalsBlocked).
bool is_told_to_end() {
    sigset_t pending;
    return ::sigpending(&pending) == 0 &&
           (::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1);
}

void tell(const std::string& host, pid_t pid) {
    const auto text = cat("READY=1\nMAINPID=", pid, '\n');
    socklen_t length = 0;
    const auto address = address_of(host, length);
    const auto socket = new_socket();
    if (::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), length) < 0)
        throw system_error(cat("cannot tell ", quote(host), " that the container is ready"), errno);
}

}  // namespace

void add_notify_socket(ContainerSpec& spec, const ContainerRecord& record) {
    spec.mounts.push_back(
        {directory_inside, "bind", directory_of(record), {"bind", "nosuid", "noexec", "nodev", "ro"}});
    auto& env = spec.process.env;
    std::erase_if(env, [](const std::string& entry) { return entry.starts_with(variable); });
    env.push_back(cat(variable, directory_inside, '/', socket_name));
}

void NotifySocket::make_directory(const ContainerRecord& record, const std::string& host) {
    socklen_t length = 0;
    (void)address_of(host, length);  // one that can be told
    const auto path = directory_of(record);
    // Whatever the umask: the container's user has to come by.
    if (::mkdir(path.c_str(), 0755) < 0 || ::chmod(path.c_str(), 0755) < 0)
        throw system_error(cat("cannot make the directory ", quote(path)), errno);
}

NotifySocket::NotifySocket(const ContainerRecord& record, std::string host)
    : socket_(new_socket()), host_(std::move(host)) {
    const auto directory = directory_of(record);
    const Fd opened(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    // By the descriptor: the path of a socket may be 107 bytes long.
    const auto path = cat("/proc/self/fd/", opened.get(), '/', socket_name);
    ::unlink(path.c_str());  // of a start that has failed
    socklen_t length = 0;
    const auto address = address_of(path, length);
    // The mode is that of bind: by its name it could be another file by then.
    const auto mask = ::umask(0);
    const int bound = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length);
    const int error = errno;
    ::umask(mask);
    if (bound < 0) throw system_error(cat("cannot listen in ", quote(directory)), error);
}

void NotifySocket::await_ready(const Fd& process, pid_t pid) const {
    constexpr int milliseconds = 200;  // what stands for a pidfd where there is none cannot be waited for
    pollfd watched{socket_.get(), POLLIN, 0};
    while (true) {
        const bool ended = kernel::await_end(process.get(), 0);
        if (::poll(&watched, 1, ended ? 0 : milliseconds) < 0 && errno != EINTR)
            throw system_error("cannot wait for the container to be ready", errno);
        char message[4096];
        const auto size = ::recv(socket_.get(), message, sizeof message, MSG_DONTWAIT);
        if (size > 0 && says_ready({message, static_cast<std::size_t>(size)})) return tell(host_, pid);
        if (size <= 0 && (ended || is_told_to_end())) return;
    }
}

void NotifySocket::await_ready_aside(const Fd& process, pid_t pid) const {
    const auto started = kernel::clone_process(0);
    if (!started) throw system_error("cannot make a process", started.error());
    if (started.value().pid != 0) {
        ::close(started.value().pidfd);
        return;
    }
    try {
        await_ready(process, pid);
    } catch (const Error&) {
        // Who is to be told does not listen: no affair of the container's.
    }
    kernel::exit_now(0);
}

}  // namespace minirun
