// IP addresses, ranges of them, and which of a range are free.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// An address of IPv4 or IPv6.
struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  ///< in the network's order; of IPv4 the first four
    auto operator<=>(const IpAddress&) const = default;
};
std::optional<IpAddress> parse_ip_address(std::string_view text);
/// As inet_ntop(3) writes it.
std::string ip_address_text(const IpAddress& address);

/// All addresses that begin with the same bits.
struct AddressRange {
    IpAddress first;
    int prefix = 0;  ///< how many bits
    bool operator==(const AddressRange&) const = default;
};
/// "10.90.0.0/24". Nothing if it is none, or if bits behind the prefix are set.
std::optional<AddressRange> parse_address_range(std::string_view text);
std::string address_range_text(const AddressRange& range);

bool contains(const AddressRange& range, const IpAddress& address);
bool overlap(const AddressRange& one, const AddressRange& other);

/// The first address that a machine can have; nothing in a range that has none for two.
std::optional<IpAddress> first_host(const AddressRange& range);
/// Whether a machine can have it: in the range, and neither its first address nor, of IPv4, its last one.
bool is_host_of(const AddressRange& range, const IpAddress& address);
/// The lowest one that a machine can have and that is not taken. Nothing if all are, or after a million.
std::optional<IpAddress> free_address(const AddressRange& range, const std::set<IpAddress>& taken);

/// The first of 10.90.0.0/24, 10.90.1.0/24, … 10.127.255.0/24 that overlaps none of these.
std::optional<AddressRange> free_range(const std::vector<AddressRange>& taken);
/// One of RFC 4193: fd, 40 bits that are as good as random, and no more.
AddressRange unique_local_range(const std::array<std::uint8_t, 5>& random);

/// The hardware address that goes with an address, so that nobody who remembers it remembers another: 02:42 and four of
/// its bytes.
std::string mac_address_of(const IpAddress& address);

}  // namespace minirun
