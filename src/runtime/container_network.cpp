#include "runtime/container_network.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/left_behind.hpp"
#include "launch/netavark_process.hpp"
#include "minirun/error.hpp"
#include "network/address_range.hpp"
#include "network/etc_files.hpp"
#include "network/host_routes.hpp"
#include "network/network_namespace.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/network_store.hpp"

namespace minirun {
namespace {

bool is_v6(const Subnet& subnet) { return subnet.range.find(':') != std::string::npos; }

// Another container's, or another program's: two networks of one range would lead nowhere.
void check_ranges(const BridgeNetwork& network) {
    for (const auto& subnet : network.subnets) {
        const auto range = parse_address_range(subnet.range);
        for (const auto& route : host_routes())
            if (range && route.interface != network.interface && route.range.prefix >= range->prefix &&
                overlap(*range, route.range))
                throw Error(ErrorKind::conflict,
                            cat("the addresses ", subnet.range, " of the network ", quote(network.name),
                                " are in use on this host, by the interface ", quote(route.interface)),
                            "minirun network rm and minirun network create make it anew with others");
    }
}

struct Taken {
    std::set<IpAddress> addresses;
    std::map<IpAddress, std::string> holders;
};
Taken addresses_taken(const NetworkStore& store, const BridgeNetwork& network, const std::string& except) {
    Taken taken;
    const auto add = [&](const std::string& text, const std::string& holder) {
        const auto address = parse_ip_address(text);
        if (address && taken.addresses.insert(*address).second) taken.holders[*address] = holder;
    };
    for (const auto& subnet : network.subnets) add(subnet.gateway, "this host");
    for (const auto& [id, record] : store.records())
        for (const auto& end : record.ends)
            if (id != except && end.network.name == network.name)
                for (const auto& address : end.addresses) add(address, cat("the container ", quote(record.name)));
    return taken;
}

IpAddress asked_address(const std::string& text, const AddressRange& range, const Taken& taken,
                        const BridgeNetwork& network) {
    const auto address = parse_ip_address(text);
    if (!address || !is_host_of(range, *address))
        throw Error(ErrorKind::usage,
                    cat("the address ", quote(text), " is none of a container in the network ", quote(network.name)),
                    cat("its range is ", address_range_text(range)));
    if (const auto found = taken.holders.find(*address); found != taken.holders.end())
        throw Error(ErrorKind::conflict, cat("the address ", text, " of the network ", quote(network.name),
                                             " is in use by ", found->second));
    return *address;
}

std::vector<std::string> choose_addresses(const BridgeNetwork& network, const NetworkAttachment& wanted,
                                          const Taken& taken) {
    std::vector<std::string> addresses;
    bool four = wanted.address4.empty(), six = wanted.address6.empty();
    for (const auto& subnet : network.subnets) {
        const auto range = parse_address_range(subnet.range);
        if (!range) throw Error(ErrorKind::bad_input, cat("the network ", quote(network.name), " has no valid range"));
        const auto& asked = is_v6(subnet) ? wanted.address6 : wanted.address4;
        (is_v6(subnet) ? six : four) = true;
        const auto address =
            asked.empty() ? free_address(*range, taken.addresses) : asked_address(asked, *range, taken, network);
        if (!address)
            throw Error(ErrorKind::conflict,
                        cat("no address of the network ", quote(network.name), " is free: its range is ", subnet.range),
                        "minirun network create --subnet makes a larger one");
        addresses.push_back(ip_address_text(*address));
    }
    if (!four || !six)
        throw Error(ErrorKind::usage,
                    cat("the address ", quote(four ? wanted.address6 : wanted.address4), " is none of the network ",
                        quote(network.name), ", which has no IPv", four ? 6 : 4),
                    four ? "minirun network create --ipv6 makes one that has" : "");
    return addresses;
}

// Without what this kernel does not have.
BridgeNetwork usable(BridgeNetwork network) {
    if (!has_ipv6()) std::erase_if(network.subnets, is_v6);
    return network;
}

NetworkEnd design_end(const NetworkStore& store, const BridgeNetwork& network, const NetworkRecord& record,
                      const NetworkAttachment& wanted, const std::string& interface) {
    NetworkEnd end;
    end.network = usable(network);
    check_ranges(end.network);
    end.interface = interface;
    end.addresses = choose_addresses(end.network, wanted, addresses_taken(store, end.network, record.id));
    end.mac_address = mac_address_of(parse_ip_address(end.addresses.front()).value_or(IpAddress{}));
    end.aliases = wanted.aliases;
    end.aliases.push_back(record.id.substr(0, 12));
    return end;
}

BridgeNetwork network_named(const NetworkStore& store, const std::string& name, bool make) {
    if (const auto network = store.get(name)) return *network;
    if (name != default_network) return store.find(name);  // which says that there is none
    auto network = store.design(name, {.subnets = {}, .ipv6 = has_ipv6(), .labels = {}, .options = {}});
    if (make) store.write(network);
    return network;
}

// Its own name leads to its first address, that of --add-host NAME:host-gateway to the first bridge, and names are
// looked up where aardvark-dns answers.
void complete_etc_files(LaunchRequest& request) {
    const auto& ends = request.bridge->record.ends;
    std::vector<std::string> servers;
    for (const auto& end : ends)
        for (const auto& subnet : end.network.subnets)
            if (end.network.names) servers.push_back(subnet.gateway);
    for (auto& file : request.etc_files) {
        if (file.path == "/etc/hosts" && !ends.empty()) set_own_address(file.text, ends.front().addresses.front());
        if (file.path == "/etc/hosts")
            set_host_gateway(file.text, ends.empty() ? "" : ends.front().network.subnets.front().gateway);
        if (file.path == "/etc/resolv.conf" && !servers.empty() && !request.bridge->keeps_names)
            set_name_servers(file.text, servers);
    }
}

void choose_networks(const Paths& paths, LaunchRequest& request, bool make) {
    const NetworkStore store(paths);
    auto& bridge = *request.bridge;
    auto& record = bridge.record;
    record.id = request.id;
    record.name = request.name.empty() ? request.id.substr(0, 12) : request.name;
    record.host = network_namespace_number();
    record.ports = bridge.ports;
    for (const auto& wanted : bridge.networks) {
        const auto network = network_named(store, wanted.network, make);
        record.ends.push_back(design_end(store, network, record, wanted, cat("eth", record.ends.size())));
    }
    if (!bridge.mac_address.empty() && !record.ends.empty()) record.ends.front().mac_address = bridge.mac_address;
    bridge.record_path = cat(request.container_dir, '/', network_record);
    bridge.state = paths.networks_state;
    complete_etc_files(request);
}

Namespace* network_namespace_of(ContainerSpec& spec) {
    for (auto& one : spec.linux_.namespaces)
        if (one.type == NamespaceType::network) return &one;
    return nullptr;
}

// Hosts, name servers and name are the other one's, as it has them now.
Fd join_network(const Paths& paths, LaunchRequest& request, bool by_descriptor) {
    auto [other, network, path] = find_running(paths, request.network_of);
    if (by_descriptor) path = cat("/proc/", ::getpid(), "/fd/", network.get());
    if (auto* joined = network_namespace_of(request.spec)) joined->path = path;
    auto its = other.request();
    if (const auto record = network_of_container(other.path()); record && its.bridge) {
        its.bridge->record = *record;
        complete_etc_files(its);
    }
    for (auto& file : request.etc_files)
        for (auto& one : its.etc_files)
            if (one.path == file.path) file.text = one.text;
    return std::move(network);
}

}  // namespace

Fd settle_network(const Paths& paths, LaunchRequest& request) {
    if (!request.network_of.empty()) return join_network(paths, request, true);
    if (!request.bridge) return Fd();
    (void)find_netavark(false);
    sweep_networks(paths);
    const auto lock = lock_networks(paths.networks_state);
    choose_networks(paths, request, true);
    write_network_record(request.bridge->record_path, request.bridge->record);
    return Fd();
}

Fd foresee_network(const Paths& paths, LaunchRequest& request) {
    if (!request.network_of.empty()) return join_network(paths, request, false);
    if (request.bridge) choose_networks(paths, request, false);
    return Fd();
}

RunningContainer find_running(const Paths& paths, const std::string& word) {
    auto container = StoredContainer::find(paths, word);
    (void)container.observe();
    // Whoever starts it holds the lock: until then its process is in the host's network, or on its way into another
    // one.
    auto directory = container.record();
    directory.lock();
    const auto record = container.path() + "/process";
    const auto process = open_recorded_process(record);
    auto path = cat("/proc/", recorded_pid(record), "/ns/net");
    Fd network(process ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : -1);
    // Looked at again: had it ended meanwhile, the number could be another process's.
    if (!network || kernel::await_end(process.get(), 0))
        throw Error(ErrorKind::conflict, cat("container ", quote(container.facts().name), " is not running"),
                    "minirun start starts it");
    return {std::move(container), std::move(network), std::move(path)};
}

NetworkEnd choose_end(const Paths& paths, const NetworkRecord& record, const NetworkAttachment& wanted,
                      const std::string& interface) {
    const NetworkStore store(paths);
    return design_end(store, store.find(wanted.network), record, wanted, interface);
}

std::optional<NetworkRecord> network_of_container(const std::string& directory) {
    const auto path = cat(directory, '/', network_record);
    if (::access(path.c_str(), F_OK) < 0) return std::nullopt;
    try {
        return read_network_record(path);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;  // it has ended just now
        throw;
    }
}

}  // namespace minirun
