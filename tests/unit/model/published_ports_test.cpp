#include "model/published_ports.hpp"

#include "support.hpp"

using namespace minirun;

namespace {

constexpr auto tcp = PublishedPorts::Protocol::tcp;
constexpr auto udp = PublishedPorts::Protocol::udp;
using All = std::vector<PublishedPorts>;

constexpr const char* form =
    " | write HOST:CONTAINER, IP:HOST:CONTAINER or CONTAINER: 8080:80, 127.0.0.1:5353:53/udp, 80";

}  // namespace

TEST_CASE("--publish") {
    const struct {
        const char* text;
        All expected;
    } rows[] = {
        {"8080:80", {{"", 8080, 80, 1, tcp}}},
        {"8080:80/tcp", {{"", 8080, 80, 1, tcp}}},
        {"5353:53/udp", {{"", 5353, 53, 1, udp}}},
        {"127.0.0.1:8080:80", {{"127.0.0.1", 8080, 80, 1, tcp}}},
        {"[::1]:8080:80", {{"::1", 8080, 80, 1, tcp}}},
        {"[fd00::2]:53:53/udp", {{"fd00::2", 53, 53, 1, udp}}},
        {"0.0.0.0:65535:1", {{"0.0.0.0", 65535, 1, 1, tcp}}},
        {"8000-8010:9000-9010", {{"", 8000, 9000, 11, tcp}}},
        {"1-65535:1-65535", {{"", 1, 1, 65535, tcp}}},
        {"127.0.0.1:8000-8001:80-81/udp", {{"127.0.0.1", 8000, 80, 2, udp}}},
        {"80-80:81", {{"", 80, 81, 1, tcp}}},
        {"80", {{"", 0, 80, 1, tcp}}},
        {"80/udp", {{"", 0, 80, 1, udp}}},
        {"0:80", {{"", 0, 80, 1, tcp}}},
        {"127.0.0.1::80", {{"127.0.0.1", 0, 80, 1, tcp}}},
        {"[::1]::80/udp", {{"::1", 0, 80, 1, udp}}},
        {"80-82", {{"", 0, 80, 1, tcp}, {"", 0, 81, 1, tcp}, {"", 0, 82, 1, tcp}}},
        {"127.0.0.1::80-81", {{"127.0.0.1", 0, 80, 1, tcp}, {"127.0.0.1", 0, 81, 1, tcp}}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(parse_published_ports(row.text) == row.expected);
    }
}

TEST_CASE("--publish: what is refused") {
    const auto no_port = [](const std::string& word) {
        return ": '" + word + "' is neither a port from 1 to 65535 nor a range of them" + form;
    };
    const std::string two_ports =
        ": behind an address come two ports | write 127.0.0.1:8080:80, or 127.0.0.1::80 for any port that is free";
    const std::string uneven = " | both ranges have to be equally long";
    const struct {
        std::string text, expected;
    } rows[] = {
        {"", std::string(": the port of the container is missing") + form},
        {"8080:", std::string(": the port of the container is missing") + form},
        {"/tcp", std::string(": the port of the container is missing") + form},
        {":80", std::string(": the port of the host is missing") + form},
        {"http", no_port("http")},
        {"8080:http", no_port("http")},
        {"http:80", no_port("http")},
        {"8080:0", no_port("0")},
        {"65536:80", no_port("65536")},
        {"80:65536", no_port("65536")},
        {"-1:80", no_port("-1")},
        {"8080: 80", no_port(" 80")},
        {"+80:80", no_port("+80")},
        {"0x50:80", no_port("0x50")},
        {"9-8:1-2", no_port("9-8")},
        {"0-1:0-1", no_port("0-1")},
        {"1-:2", no_port("1-")},
        {"1-2-3:4", no_port("1-2-3")},
        {"8000-8010:80", ": the host's range is of 11, the container's of 1" + uneven},
        {"80:8000-8001", ": the host's range is of 1, the container's of 2" + uneven},
        {"127.0.0.1:80", two_ports},
        {"[::1]:80", two_ports},
        {"::1:8080:80", ": an IPv6 address has to be in brackets | write [::1]:8080:80"},
        {"[127.0.0.1]:80:80", std::string(": '[127.0.0.1]' is no IP address") + form},
        {"localhost:80:80", ": 'localhost' is no IP address | write 127.0.0.1"},
        {"127.0.0.1:1:2:3", std::string(": '127.0.0.1:1' is no IP address") + form},
        {":80:80", std::string(": '' is no IP address") + form},
        {"80/sctp", ": 'sctp' is no protocol that can be published | there are tcp and udp"},
        {"80/TCP", ": 'TCP' is no protocol that can be published | there are tcp and udp"},
        {"80/", ": '' is no protocol that can be published | there are tcp and udp"},
        {"80/tcp/udp", ": 'tcp/udp' is no protocol that can be published | there are tcp and udp"},
    };
    for (const auto& row : rows) {
        const auto call = [&] { parse_published_ports(row.text); };
        CHECK(test::error_text(call) == "--publish '" + row.text + "'" + row.expected);
        CHECK(test::error_kind(call) == ErrorKind::usage);
    }
    using namespace std::string_view_literals;
    CHECK(test::error_text([] { parse_published_ports("127.0.0.1\0:80:80"sv); }) ==
          std::string("--publish '127.0.0.1\\x00:80:80': '127.0.0.1\\x00' is no IP address") + form);
}

TEST_CASE("ports that an image exposes") {
    CHECK(parse_exposed_port("80/tcp") == All{{"", 0, 80, 1, tcp}});
    CHECK(parse_exposed_port("80") == All{{"", 0, 80, 1, tcp}});
    CHECK(parse_exposed_port("8000-8001/udp") == All{{"", 0, 8000, 1, udp}, {"", 0, 8001, 1, udp}});
    CHECK(parse_exposed_port("80/sctp").empty());
    CHECK(parse_exposed_port("http/tcp").empty());
    CHECK(parse_exposed_port("").empty());
}

TEST_CASE("a port of the host is published once") {
    const std::string hint = " | each port of the host leads to one of the container, on one address or on all of them";
    const auto told = [](const All& ports) { return test::error_text([&] { check_published_once(ports); }); };
    CHECK(told({}) == "no error");
    CHECK(told({{"", 80, 80, 1, tcp}, {"", 80, 80, 1, udp}, {"", 81, 80, 1, tcp}}) == "no error");
    CHECK(told({{"", 0, 80, 1, tcp}, {"", 0, 81, 1, tcp}}) == "no error");
    CHECK(told({{"", 8000, 80, 10, tcp}, {"", 8010, 90, 1, tcp}}) == "no error");
    CHECK(told({{"", 80, 80, 1, tcp}, {"", 80, 81, 1, tcp}}) ==
          "--publish: port 80/tcp of the host is given twice" + hint);
    CHECK(told({{"127.0.0.1", 53, 53, 1, udp}, {"::1", 53, 53, 1, udp}}) ==
          "--publish: port 53/udp of the host is given twice" + hint);
    CHECK(told({{"", 8009, 90, 1, tcp}, {"", 1, 1, 1, tcp}, {"", 8000, 80, 10, tcp}}) ==
          "--publish: port 8009/tcp of the host is given twice" + hint);
}
