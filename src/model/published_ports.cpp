#include "model/published_ports.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

constexpr const char* form = "write HOST:CONTAINER, IP:HOST:CONTAINER or CONTAINER: 8080:80, 127.0.0.1:5353:53/udp, 80";

struct Range {
    std::uint16_t first = 0;
    int count = 0;
};

// Port 0 is none: the kernel takes it for "any".
std::optional<Range> parse_range(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_number<std::uint16_t>(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number<std::uint16_t>(text.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first) return std::nullopt;
    return Range{*first, *last - *first + 1};
}

std::optional<PublishedPorts::Protocol> parse_protocol(std::string_view word) {
    if (word == "tcp") return PublishedPorts::Protocol::tcp;
    if (word == "udp") return PublishedPorts::Protocol::udp;
    return std::nullopt;
}

// "IP:HOST:CONTAINER", taken apart; what is not there is empty.
struct Words {
    std::string_view address, host, container;
    bool has_address = false;
};
Words take_apart(std::string_view text) {
    Words words;
    const auto last = text.rfind(':');
    words.container = text.substr(last == std::string_view::npos ? 0 : last + 1);
    if (last == std::string_view::npos) return words;
    const auto before = text.substr(0, last);
    const auto middle = before.ends_with(']') ? std::string_view::npos : before.rfind(':');
    words.host = middle == std::string_view::npos ? before : before.substr(middle + 1);
    words.has_address = middle != std::string_view::npos;
    if (words.has_address) words.address = before.substr(0, middle);
    return words;
}

bool is_address(int family, const std::string& text) {
    unsigned char bytes[16];
    return text.find('\0') == std::string::npos && ::inet_pton(family, text.c_str(), bytes) == 1;
}

std::string parse_address(std::string_view text, std::string_view word) {
    const bool brackets = word.size() > 2 && word.starts_with('[') && word.ends_with(']');
    const std::string address(brackets ? word.substr(1, word.size() - 2) : word);
    if (is_address(brackets ? AF_INET6 : AF_INET, address)) return address;
    if (is_address(AF_INET6, address))
        throw option_error("--publish", text, "an IPv6 address has to be in brackets", "write [::1]:8080:80");
    throw option_error("--publish", text, cat(quote(word), " is no IP address"),
                       word == "localhost" ? "write 127.0.0.1" : form);
}

Range range_of(std::string_view text, std::string_view word, std::string_view whose) {
    if (const auto range = parse_range(word)) return *range;
    if (word.empty()) throw option_error("--publish", text, cat("the port of ", whose, " is missing"), form);
    throw option_error("--publish", text, cat(quote(word), " is neither a port from 1 to 65535 nor a range of them"),
                       form);
}

// A free port of the host for each.
std::vector<PublishedPorts> one_by_one(const Range& range, PublishedPorts model) {
    std::vector<PublishedPorts> ports;
    for (int i = 0; i < range.count; i++) {
        model.container_port = static_cast<std::uint16_t>(range.first + i);
        ports.push_back(model);
    }
    return ports;
}

}  // namespace

std::vector<PublishedPorts> parse_published_ports(std::string_view text) {
    const auto slash = text.find('/');
    const auto words = take_apart(text.substr(0, slash));
    PublishedPorts ports;
    if (slash != std::string_view::npos) {
        const auto word = text.substr(slash + 1);
        const auto protocol = parse_protocol(word);
        if (!protocol)
            throw option_error("--publish", text, cat(quote(word), " is no protocol that can be published"),
                               "there are tcp and udp");
        ports.protocol = *protocol;
    }
    if (words.has_address) ports.address = parse_address(text, words.address);
    const auto container = range_of(text, words.container, "the container");
    const bool is_bare = words.container.size() == text.substr(0, slash).size();
    const bool any = is_bare || (words.has_address && words.host.empty()) || words.host == "0";
    if (any) return one_by_one(container, ports);
    if (is_address(AF_INET, std::string(words.host)) || words.host.starts_with('['))
        throw option_error("--publish", text, "behind an address come two ports",
                           "write 127.0.0.1:8080:80, or 127.0.0.1::80 for any port that is free");
    const auto host = range_of(text, words.host, "the host");
    if (host.count != container.count)
        throw option_error("--publish", text,
                           cat("the host's range is of ", host.count, ", the container's of ", container.count),
                           "both ranges have to be equally long");
    ports.host_port = host.first;
    ports.container_port = container.first;
    ports.count = static_cast<std::uint16_t>(host.count);
    return {ports};
}

std::vector<PublishedPorts> parse_exposed_port(std::string_view text) {
    const auto slash = text.find('/');
    const auto range = parse_range(text.substr(0, slash));
    const auto protocol = parse_protocol(slash == std::string_view::npos ? "tcp" : text.substr(slash + 1));
    if (!range || !protocol) return {};
    return one_by_one(*range, {"", 0, 0, 1, *protocol});
}

std::string_view protocol_name(PublishedPorts::Protocol protocol) {
    return protocol == PublishedPorts::Protocol::tcp ? "tcp" : "udp";
}

// Whatever the addresses are: pasta keeps one list of ports for all of them.
void check_published_once(const std::vector<PublishedPorts>& ports) {
    auto sorted = ports;
    std::erase_if(sorted, [](const PublishedPorts& one) { return one.host_port == 0; });
    std::sort(sorted.begin(), sorted.end(), [](const PublishedPorts& one, const PublishedPorts& other) {
        return std::pair(one.protocol, one.host_port) < std::pair(other.protocol, other.host_port);
    });
    for (std::size_t i = 1; i < sorted.size(); i++) {
        const auto& before = sorted[i - 1];
        const auto& one = sorted[i];
        if (one.protocol != before.protocol || one.host_port >= before.host_port + before.count) continue;
        throw Error(
            ErrorKind::usage,
            cat("--publish: port ", one.host_port, '/', protocol_name(one.protocol), " of the host is given twice"),
            "each port of the host leads to one of the container, on one address or on all of them");
    }
}

}  // namespace minirun
