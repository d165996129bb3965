#include "network/address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.hpp"

namespace minirun {
namespace {

int size_of(const IpAddress& address) { return address.v6 ? 16 : 4; }

bool bit_of(const IpAddress& address, int bit) {
    return (address.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

bool same_beginning(const IpAddress& one, const IpAddress& other, int bits) {
    if (one.v6 != other.v6) return false;
    for (int bit = 0; bit < bits; bit++)
        if (bit_of(one, bit) != bit_of(other, bit)) return false;
    return true;
}

bool has_no_bits_behind(const AddressRange& range) {
    for (int bit = range.prefix; bit < size_of(range.first) * 8; bit++)
        if (bit_of(range.first, bit)) return false;
    return true;
}

IpAddress last_of(const AddressRange& range) {
    auto last = range.first;
    for (int bit = range.prefix; bit < size_of(last) * 8; bit++)
        last.bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(1u << (7 - bit % 8));
    return last;
}

IpAddress next_of(IpAddress address) {
    for (int i = size_of(address) - 1; i >= 0; i--)
        if (++address.bytes[static_cast<std::size_t>(i)] != 0) break;
    return address;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    const std::string word(text);
    IpAddress address;
    if (word.find('\0') != std::string::npos) return std::nullopt;
    if (::inet_pton(AF_INET, word.c_str(), address.bytes.data()) == 1) return address;
    address.v6 = true;
    if (::inet_pton(AF_INET6, word.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

std::string ip_address_text(const IpAddress& address) {
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
    return text;
}

std::optional<AddressRange> parse_address_range(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto first = parse_ip_address(text.substr(0, slash));
    const auto prefix = parse_number<int>(text.substr(slash + 1));
    if (!first || !prefix || *prefix < 0 || *prefix > size_of(*first) * 8) return std::nullopt;
    const AddressRange range{*first, *prefix};
    return has_no_bits_behind(range) ? std::optional(range) : std::nullopt;
}

std::string address_range_text(const AddressRange& range) {
    return cat(ip_address_text(range.first), '/', range.prefix);
}

bool contains(const AddressRange& range, const IpAddress& address) {
    return same_beginning(range.first, address, range.prefix);
}

bool overlap(const AddressRange& one, const AddressRange& other) {
    return same_beginning(one.first, other.first, std::min(one.prefix, other.prefix));
}

std::optional<IpAddress> first_host(const AddressRange& range) {
    if (range.prefix > size_of(range.first) * 8 - 2) return std::nullopt;
    return next_of(range.first);
}

bool is_host_of(const AddressRange& range, const IpAddress& address) {
    const bool is_broadcast = !range.first.v6 && address == last_of(range);
    return contains(range, address) && address != range.first && !is_broadcast;
}

std::optional<IpAddress> free_address(const AddressRange& range, const std::set<IpAddress>& taken) {
    constexpr int most = 1'000'000;
    auto address = first_host(range);
    for (int i = 0; address && i < most && is_host_of(range, *address); i++, address = next_of(*address))
        if (taken.count(*address) == 0) return address;
    return std::nullopt;
}

std::optional<AddressRange> free_range(const std::vector<AddressRange>& taken) {
    constexpr int first = 90, last = 127;
    for (int second = first; second <= last; second++)
        for (int third = 0; third < 256; third++) {
            AddressRange range{{}, 24};
            range.first.bytes = {10, static_cast<std::uint8_t>(second), static_cast<std::uint8_t>(third)};
            const auto overlaps = [&](const AddressRange& other) { return overlap(range, other); };
            if (std::none_of(taken.begin(), taken.end(), overlaps)) return range;
        }
    return std::nullopt;
}

AddressRange unique_local_range(const std::array<std::uint8_t, 5>& random) {
    AddressRange range{{true, {0xfd}}, 64};
    std::copy(random.begin(), random.end(), range.first.bytes.begin() + 1);
    return range;
}

std::string mac_address_of(const IpAddress& address) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "02:42";
    const std::size_t first = address.v6 ? 12 : 0;
    for (auto i = first; i < first + 4; i++)
        text += cat(':', digits[address.bytes[i] >> 4], digits[address.bytes[i] & 15]);
    return text;
}

}  // namespace minirun
