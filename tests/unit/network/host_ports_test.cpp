#include "network/host_ports.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <set>

#include "base/fd.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

constexpr auto tcp = PublishedPorts::Protocol::tcp;
constexpr auto udp = PublishedPorts::Protocol::udp;

// Something that has a port of 127.0.0.1.
struct Holder {
    explicit Holder(int type) : socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&where), size) == 0);
        if (type == SOCK_STREAM) REQUIRE(::listen(socket.get(), 1) == 0);
        REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
        port = ntohs(where.sin_port);
    }
    Fd socket;
    std::uint16_t port = 0;
};

std::string told(const op::PortForward& ports) {
    return test::error_text([&] { check_host_ports({&ports, 1}); });
}

}  // namespace

TEST_CASE("ports of the host: those that are not given are chosen, each another") {
    std::vector<PublishedPorts> ports{{"", 0, 80, 1, tcp},
                                      {"", 0, 81, 1, tcp},
                                      {"127.0.0.1", 0, 53, 1, udp},
                                      {"127.0.0.1", 0, 82, 1, tcp},
                                      {"", 8080, 80, 2, tcp}};
    choose_host_ports(ports);
    std::set<std::uint16_t> chosen;
    for (const auto& one : ports) chosen.insert(one.host_port);
    CHECK(chosen.size() == 5);
    CHECK(chosen.count(0) == 0);
    CHECK(ports[4].host_port == 8080);
    for (const auto& one : ports)
        if (one.host_port != 8080)
            CHECK(told({one.address.c_str(), one.host_port, 1, 1, one.protocol == udp}) == "no error");
}

TEST_CASE("ports of the host: one that is taken is named, on whatever address it is") {
    for (const bool is_udp : {false, true}) {
        const Holder holder(is_udp ? SOCK_DGRAM : SOCK_STREAM);
        const auto name = "port " + std::to_string(holder.port) + (is_udp ? "/udp" : "/tcp");
        const std::string rest =
            ": something on this host uses it already | choose another one: -p HOST:CONTAINER; ss "
            "-lntup lists who listens";
        CHECK(told({"", holder.port, 80, 1, is_udp}) == "cannot publish " + name + rest);
        CHECK(told({"127.0.0.1", holder.port, 80, 1, is_udp}) == "cannot publish " + name + " at '127.0.0.1'" + rest);
        CHECK(told({"127.0.0.2", holder.port, 80, 1, is_udp}) == "no error");
        CHECK(told({"", static_cast<std::uint16_t>(holder.port - 1), 80, 2, is_udp}).find(name + rest) !=
              std::string::npos);
        CHECK(told({"", holder.port, 80, 1, !is_udp}) == "no error");
    }
}

TEST_CASE("ports of the host: an address that is not there") {
    CHECK(told({"203.0.113.77", 8080, 80, 1, false}) ==
          "cannot publish port 8080/tcp at '203.0.113.77': this host has no such address | ip address lists them; "
          "without one it is published on all");
}
