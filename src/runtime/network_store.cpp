#include "runtime/network_store.hpp"

#include <dirent.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "launch/bridge_connection.hpp"
#include "minirun/error.hpp"
#include "network/address_range.hpp"
#include "network/host_routes.hpp"
#include "runtime/container_directory.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_file = std::size_t{1} << 20;
constexpr std::string_view suffix = ".json";

std::vector<std::string> entries_of(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

// Both are checked before they are written down.
AddressRange range_of(const Subnet& subnet) { return parse_address_range(subnet.range).value_or(AddressRange{}); }

std::vector<AddressRange> ranges_in_use(const std::vector<BridgeNetwork>& networks) {
    std::vector<AddressRange> ranges;
    for (const auto& route : host_routes()) ranges.push_back(route.range);
    for (const auto& network : networks)
        for (const auto& subnet : network.subnets) ranges.push_back(range_of(subnet));
    return ranges;
}

Subnet with_gateway(const AddressRange& range) {
    return {address_range_text(range), ip_address_text(first_host(range).value_or(IpAddress{}))};
}

Subnet free_subnet(const std::vector<BridgeNetwork>& networks) {
    const auto range = free_range(ranges_in_use(networks));
    if (!range)
        throw Error(ErrorKind::conflict, "no range of addresses from 10.90.0.0/24 to 10.127.255.0/24 is free",
                    "name one: minirun network create --subnet 192.168.77.0/24 NAME");
    return with_gateway(*range);
}

Subnet random_subnet() {
    std::array<std::uint8_t, 5> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        throw system_error("cannot get random bytes", errno);
    return with_gateway(unique_local_range(random));
}

// As a person has written it down.
Subnet checked_subnet(const Subnet& subnet, const std::vector<BridgeNetwork>& networks) {
    const auto range = parse_address_range(subnet.range);
    if (!range)
        throw Error(ErrorKind::usage, cat("--subnet ", quote(subnet.range), ": this is no range of addresses"),
                    "write 10.1.2.0/24, or fd00:1:2:3::/64: nothing is set behind the prefix");
    const auto first = first_host(*range);
    if (!first || range->prefix < 8)
        throw Error(ErrorKind::usage,
                    cat("--subnet ", quote(subnet.range), ": this is too ", first ? "large" : "small"),
                    "10.1.2.0/24 has room for 253 containers");
    for (const auto& other : networks)
        for (const auto& one : other.subnets)
            if (overlap(*range, range_of(one)))
                throw Error(ErrorKind::conflict, cat("--subnet ", quote(subnet.range), " overlaps with ", one.range,
                                                     " of the network ", quote(other.name)));
    for (const auto& route : host_routes())
        if (route.range.prefix >= range->prefix && overlap(*range, route.range))
            throw Error(ErrorKind::conflict,
                        cat("--subnet ", quote(subnet.range), " is in use on this host, by the interface ",
                            quote(route.interface)),
                        "choose another one: ip route lists those in use");
    if (subnet.gateway.empty()) return {address_range_text(*range), ip_address_text(*first)};
    const auto gateway = parse_ip_address(subnet.gateway);
    if (!gateway || !is_host_of(*range, *gateway))
        throw Error(ErrorKind::usage,
                    cat("--gateway ", quote(subnet.gateway), ": this is no address of a machine in ", subnet.range));
    return {address_range_text(*range), ip_address_text(*gateway)};
}

bool is_v6(const Subnet& subnet) { return subnet.range.find(':') != std::string::npos; }

}  // namespace

bool has_ipv6() noexcept { return ::access("/proc/net/if_inet6", F_OK) == 0; }

std::vector<BridgeNetwork> NetworkStore::all() const {
    std::vector<BridgeNetwork> networks;
    for (const auto& file : entries_of(paths_.networks))
        if (file.ends_with(suffix))
            if (auto network = get(file.substr(0, file.size() - suffix.size())))
                networks.push_back(std::move(*network));
    return networks;
}

std::optional<BridgeNetwork> NetworkStore::get(const std::string& name) const {
    const auto path = path_of(name);
    const auto text = read_optional_file(path, max_file);
    if (!text) return std::nullopt;
    const auto document = parse_json(*text, path);
    Problems problems(path);
    auto network = read_bridge_network(JsonView(document, problems));
    problems.throw_if_any();
    return network;
}

BridgeNetwork NetworkStore::find(const std::string& word) const {
    std::vector<BridgeNetwork> found;
    for (auto& network : all()) {
        if (network.name == word) return network;
        if (!word.empty() && network.id.starts_with(word)) found.push_back(std::move(network));
    }
    if (found.size() == 1) return found.front();
    if (found.size() > 1)
        throw Error(ErrorKind::usage, cat("the ids of ", found.size(), " networks begin with ", quote(word)),
                    "give more of it");
    throw Error(ErrorKind::not_found, cat("there is no network ", quote(word)),
                "minirun network ls lists them, minirun network create makes one");
}

BridgeNetwork NetworkStore::design(const std::string& name, const NetworkOptions& options) const {
    check_network_name(name);
    if (get(name)) throw Error(ErrorKind::conflict, cat("there is a network ", quote(name), " already"));
    auto networks = all();
    BridgeNetwork network;
    network.name = name;
    network.id = new_container_id();
    network.created = rfc3339(std::chrono::system_clock::now());
    network.interface = cat("mr-", network.id.substr(0, 8));
    network.internal = options.internal;
    network.names = options.names;
    network.labels = options.labels;
    network.options = options.options;
    const bool any_v4 =
        std::any_of(options.subnets.begin(), options.subnets.end(), [](const Subnet& one) { return !is_v6(one); });
    const bool any_v6 = std::any_of(options.subnets.begin(), options.subnets.end(), is_v6);
    if (!any_v4) network.subnets.push_back(free_subnet(networks));
    for (const auto& one : options.subnets) network.subnets.push_back(checked_subnet(one, networks));
    if (options.ipv6 && !any_v6) network.subnets.push_back(random_subnet());
    return network;
}

void NetworkStore::write(const BridgeNetwork& network) const {
    make_private_directories(paths_.networks);
    write_file_atomically(path_of(network.name), bridge_network_json(network).dump(2) + "\n", 0600);
}

void NetworkStore::remove(const std::string& name) const {
    const auto path = path_of(name);
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        throw system_error(cat("cannot remove ", quote(path)), errno, root_hint);
}

std::vector<RecordedNetwork> NetworkStore::records() const {
    std::vector<RecordedNetwork> records;
    for (const auto& id : entries_of(paths_.containers)) try {
            const auto path = cat(paths_.containers, '/', id, '/', network_record);
            if (::access(path.c_str(), F_OK) == 0) records.push_back({id, read_network_record(path)});
        } catch (const Error&) {
            // It has ended just now.
        }
    return records;
}

}  // namespace minirun
