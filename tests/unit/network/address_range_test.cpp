#include "network/address_range.hpp"

#include "support.hpp"

using namespace minirun;

namespace {

AddressRange range(std::string_view text) {
    const auto parsed = parse_address_range(text);
    REQUIRE(parsed);
    return *parsed;
}
IpAddress address(std::string_view text) {
    const auto parsed = parse_ip_address(text);
    REQUIRE(parsed);
    return *parsed;
}
std::string free_one(std::string_view text, const std::vector<std::string>& taken) {
    std::set<IpAddress> addresses;
    for (const auto& one : taken) addresses.insert(address(one));
    const auto found = free_address(range(text), addresses);
    return found ? ip_address_text(*found) : "none";
}

}  // namespace

TEST_CASE("address ranges: what is one") {
    for (const char* text : {"10.90.0.0/24", "0.0.0.0/0", "10.1.2.3/32", "fd00:1::/64", "::/0"})
        CHECK(address_range_text(range(text)) == text);
    for (const char* text : {"10.90.0.0", "10.90.0.1/24", "10.90.0.0/33", "10.90.0.0/-1", "10.90.0.0/", "/24",
                             "10.90.0.0/24 ", "fd00::1/64", "fd00::/129", "host/24"})
        CHECK_MESSAGE(!parse_address_range(text), text);
}

TEST_CASE("address ranges: what is in them, and overlaps") {
    CHECK(contains(range("10.90.0.0/24"), address("10.90.0.255")));
    CHECK(!contains(range("10.90.0.0/24"), address("10.90.1.0")));
    CHECK(!contains(range("::/0"), address("10.90.1.0")));
    CHECK(overlap(range("10.90.0.0/24"), range("10.90.0.128/25")));
    CHECK(overlap(range("10.0.0.0/8"), range("10.90.0.0/24")));
    CHECK(!overlap(range("10.90.0.0/24"), range("10.90.1.0/24")));
    CHECK(!overlap(range("10.90.0.0/24"), range("fd00::/8")));
}

TEST_CASE("address ranges: a free address") {
    CHECK(free_one("10.90.0.0/24", {"10.90.0.1"}) == "10.90.0.2");
    CHECK(free_one("10.90.0.0/24", {"10.90.0.1", "10.90.0.2", "10.90.0.4"}) == "10.90.0.3");
    CHECK(free_one("10.90.0.0/30", {"10.90.0.1", "10.90.0.2"}) == "none");
    CHECK(free_one("10.90.0.0/31", {}) == "none");
    CHECK(free_one("fd00::/126", {"fd00::1", "fd00::2"}) == "fd00::3");
    CHECK(free_one("fd00::/64", {"fd00::1"}) == "fd00::2");
}

TEST_CASE("address ranges: a machine's address") {
    const auto lan = range("10.90.0.0/24");
    CHECK(is_host_of(lan, address("10.90.0.254")));
    CHECK(!is_host_of(lan, address("10.90.0.255")));
    CHECK(!is_host_of(lan, address("10.90.0.0")));
    CHECK(!is_host_of(lan, address("10.90.1.1")));
}

TEST_CASE("address ranges: a free range") {
    CHECK(address_range_text(free_range({}).value()) == "10.90.0.0/24");
    CHECK(address_range_text(
              free_range({range("10.90.0.0/25"), range("10.90.2.0/24"), range("192.168.0.0/16")}).value()) ==
          "10.90.1.0/24");
    CHECK(address_range_text(free_range({range("10.64.0.0/10"), range("fd00::/8")}).value_or(range("0.0.0.0/0"))) ==
          "0.0.0.0/0");
    CHECK(address_range_text(unique_local_range({1, 2, 3, 4, 0xff})) == "fd01:203:4ff::/64");
}

TEST_CASE("address ranges: a hardware address that goes with one") {
    CHECK(mac_address_of(address("10.90.0.2")) == "02:42:0a:5a:00:02");
    CHECK(mac_address_of(address("fd00::1:ff02")) == "02:42:00:01:ff:02");
}
