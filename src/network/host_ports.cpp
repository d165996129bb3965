#include "network/host_ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/published_ports.hpp"

namespace minirun {
namespace {

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

SocketAddress address_of(const std::string& text, std::uint16_t port) {
    SocketAddress address{};
    if (::inet_pton(AF_INET, text.c_str(), &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        return address;
    }
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    if (text.empty() || ::inet_pton(AF_INET6, text.c_str(), &address.v6.sin6_addr) == 1) return address;
    throw Error(ErrorKind::usage, cat(quote(text), " is no IP address"));
}

// As pasta binds it: without an address to those of both families. errno tells why there is none.
Fd bound(const std::string& address, std::uint16_t port, bool udp, bool reused = true) {
    auto where = address_of(address, port);
    const int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    Fd socket(::socket(where.any.sa_family, type, 0));
    // A kernel without IPv6.
    if (!socket && errno == EAFNOSUPPORT && address.empty()) return bound("0.0.0.0", port, udp, reused);
    if (!socket) return socket;
    const int off = 0, on = 1;
    const bool v6 = where.any.sa_family == AF_INET6;
    if (v6 && address.empty()) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // What an ended connection leaves behind on a port does not keep it, but of UDP two sockets could have one.
    if (!udp && reused) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const socklen_t size = v6 ? sizeof where.v6 : sizeof where.v4;
    if (::bind(socket.get(), &where.any, size) < 0) socket.reset();
    return socket;
}

std::uint16_t port_of(const Fd& socket) {
    SocketAddress where{};
    socklen_t size = sizeof where;
    if (::getsockname(socket.get(), &where.any, &size) < 0) return 0;
    return ntohs(where.any.sa_family == AF_INET ? where.v4.sin_port : where.v6.sin6_port);
}

// errno says why it cannot be had.
Error port_error(std::string_view address, std::uint16_t port, bool udp, int error) {
    const auto where = address.empty() ? std::string() : cat(" at ", quote(address));
    const auto what = port == 0 ? cat("a free port", where) : cat("port ", port, udp ? "/udp" : "/tcp", where);
    if (error == EADDRINUSE)
        return {ErrorKind::conflict, cat("cannot publish ", what, ": something on this host uses it already"),
                "choose another one: -p HOST:CONTAINER; ss -lntup lists who listens"};
    if (error == EADDRNOTAVAIL)
        return {ErrorKind::bad_input, cat("cannot publish ", what, ": this host has no such address"),
                "ip address lists them; without one it is published on all"};
    return system_error(cat("cannot publish ", what), error,
                        error == EACCES ? "ports below 1024 take CAP_NET_BIND_SERVICE" : "");
}

bool is_given(const std::vector<PublishedPorts>& ports, PublishedPorts::Protocol protocol, std::uint16_t port) {
    return std::any_of(ports.begin(), ports.end(), [&](const PublishedPorts& one) {
        return one.protocol == protocol && port >= one.host_port && port < one.host_port + one.count;
    });
}

}  // namespace

void choose_host_ports(std::vector<PublishedPorts>& ports) {
    std::vector<Fd> taken;  // until all are chosen, so that none comes twice
    for (auto& one : ports) {
        while (one.host_port == 0) {
            const bool udp = one.protocol == PublishedPorts::Protocol::udp;
            taken.push_back(bound(one.address, 0, udp));
            if (!taken.back()) throw port_error(one.address, 0, udp, errno);
            const auto port = port_of(taken.back());
            if (!is_given(ports, one.protocol, port)) one.host_port = port;
        }
    }
}

void check_host_ports(std::span<const op::PortForward> ports) {
    for (const auto& one : ports)
        for (int i = 0; i < one.count; i++) {
            const auto port = static_cast<std::uint16_t>(one.host_port + i);
            if (!bound(one.address, port, one.udp)) throw port_error(one.address, port, one.udp, errno);
        }
}

void check_name_server_port(const std::string& address) {
    constexpr std::uint16_t port = 53;
    const auto where = address_of(address, port);
    const bool v6 = where.any.sa_family == AF_INET6;
    const int on = 1;
    const Fd socket(::socket(where.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return;
    ::setsockopt(socket.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on);
    if (::bind(socket.get(), &where.any, v6 ? sizeof where.v6 : sizeof where.v4) == 0 || errno != EADDRINUSE) return;
    throw Error(ErrorKind::conflict,
                cat("aardvark-dns cannot answer at ", address,
                    ": something on this host uses port 53/udp of all its addresses"),
                "let that listen on some of them only, or make the network with --disable-dns; ss -lnup lists who "
                "listens");
}

// One with SO_REUSEADDR that does not listen keeps nobody out.
std::vector<Fd> reserve_host_ports(std::span<const op::PortForward> ports) {
    check_host_ports(ports);
    std::vector<Fd> kept;
    for (const auto& one : ports)
        for (int i = 0; i < one.count; i++) {
            const auto port = static_cast<std::uint16_t>(one.host_port + i);
            auto socket = bound(one.address, port, one.udp, false);
            // An ended connection keeps it, as it may.
            if (!socket) socket = bound(one.address, port, one.udp);
            if (!socket)
                throw system_error(cat("cannot hold port ", port, one.udp ? "/udp" : "/tcp", " of this host"), errno);
            kept.push_back(std::move(socket));
        }
    return kept;
}

}  // namespace minirun
