#include "network/netlink.hpp"

#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>

#include "../support.hpp"

using namespace minirun;

namespace {

struct Header {
    char bytes[3] = {'a', 'b', 'c'};
};

}  // namespace

TEST_CASE("netlink: attributes are found in what was written") {
    NetlinkBody body(Header{});
    body.attribute(1, "five5");
    body.number(2, std::uint32_t{7});
    body.attribute(3, "");
    // Header, two attributes and an empty one, each padded to 4 bytes.
    CHECK(body.bytes().size() == 4 + (4 + 8) + (4 + 4) + 4);
    CHECK(netlink_attribute(body.bytes(), sizeof(Header), 1) == "five5");
    CHECK(netlink_attribute(body.bytes(), sizeof(Header), 2) == std::string_view("\7\0\0\0", 4));
    CHECK(netlink_attribute(body.bytes(), sizeof(Header), 3).empty());
    CHECK(netlink_attribute(body.bytes(), sizeof(Header), 4).empty());
}

TEST_CASE("netlink: an answer that lies about its sizes") {
    NetlinkBody body(Header{});
    body.attribute(1, "value");
    for (std::size_t size = 0; size < body.bytes().size(); size++)
        CHECK(netlink_attribute(std::string_view(body.bytes()).substr(0, size), sizeof(Header), 2).empty());
    auto short_length = body.bytes();
    short_length[4] = 1;
    CHECK(netlink_attribute(short_length, sizeof(Header), 1).empty());
    auto long_length = body.bytes();
    long_length[5] = 1;
    CHECK(netlink_attribute(long_length, sizeof(Header), 1).empty());
}

TEST_CASE("netlink: the kernel answers") {
    Netlink netlink((Fd(netlink_socket())));
    NetlinkBody loopback(ifinfomsg{});
    loopback.attribute(IFLA_IFNAME, std::string_view("lo", 3));
    const auto answers = netlink.ask("cannot find lo", RTM_GETLINK, 0, loopback);
    REQUIRE(answers.size() == 1);
    CHECK(netlink_attribute(answers[0], sizeof(ifinfomsg), IFLA_IFNAME) == std::string_view("lo", 3));
    NetlinkBody unknown(ifinfomsg{});
    unknown.attribute(IFLA_IFNAME, std::string_view("no-such", 8));
    CHECK(test::error_text([&] {
              netlink.ask("cannot find it", RTM_GETLINK, 0, unknown);
          }).starts_with("cannot find it: "));
    // The answer to one request is not taken for the next one's.
    CHECK(netlink.ask("cannot find lo", RTM_GETLINK, 0, loopback).size() == 1);
}
