// What is done to networks that containers share.
#include "minirun/networks.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/netavark_process.hpp"
#include "launch/signals.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/container_network.hpp"
#include "runtime/network_store.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

bool is_on(const BridgeSetting& bridge, const std::string& network) {
    return std::any_of(bridge.networks.begin(), bridge.networks.end(),
                       [&](const NetworkAttachment& one) { return one.network == network; });
}

// A container that is to be on it some day.
std::string future_member(const Paths& paths, const std::string& network) {
    for (const auto& container : StoredContainer::all(paths)) try {
            const auto request = container.request();
            if (request.bridge && is_on(*request.bridge, network)) return container.facts().name;
        } catch (const Error&) {
            // One that was removed just now.
        }
    return "";
}

// Only one that began with them can have more, or none any more: its files lead there.
LaunchRequest request_with_bridges(const StoredContainer& container) {
    auto request = container.request();
    if (!request.bridge)
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(container.facts().name), " has no network of those that containers share"),
                    "make it with --network bridge or --network bridge:NAME");
    return request;
}

std::string free_interface(const NetworkRecord& record) {
    for (int number = 0;; number++) {
        auto name = cat("eth", number);
        if (std::none_of(record.ends.begin(), record.ends.end(),
                         [&](const NetworkEnd& end) { return end.interface == name; }))
            return name;
    }
}

void connect_running(const Paths& paths, const RunningContainer& running, const NetworkAttachment& wanted) {
    const auto& container = running.container;
    const auto path = cat(container.path(), '/', network_record);
    auto record = read_network_record(path);
    record.ends.push_back(choose_end(paths, record, wanted, free_interface(record)));
    const auto& end = record.ends.back();
    write_network_record(path, record);  // before there is anything that it leads to
    try {
        connect_end(path, end, paths.networks_state, running.network);
    } catch (...) {
        record.ends.pop_back();
        write_network_record(path, record);
        throw;
    }
}

void disconnect_running(const Paths& paths, const RunningContainer& running, const std::string& network) {
    const auto& container = running.container;
    const auto path = cat(container.path(), '/', network_record);
    auto record = read_network_record(path);
    const auto end = std::find_if(record.ends.begin(), record.ends.end(),
                                  [&](const NetworkEnd& one) { return one.network.name == network; });
    if (end == record.ends.end()) return;
    disconnect_end(record, *end, paths.networks_state, running.network);
    record.ends.erase(end);
    write_network_record(path, record);
}

// If it runs. Looked at before anything is locked: one that is lost is ended, which takes the same lock.
std::optional<RunningContainer> running_one(const Paths& paths, StoredContainer& container) {
    const auto phase = container.observe().phase;
    if (is_at_rest(phase)) return std::nullopt;
    return find_running(paths, container.id());
}

}  // namespace

BridgeNetwork Networks::create(const std::string& name, const NetworkOptions& options) const {
    const auto paths = default_paths();
    const auto lock = lock_networks(paths.networks_state);
    const NetworkStore store(paths);
    auto network = store.design(name, options);
    store.write(network);
    return network;
}

std::vector<BridgeNetwork> Networks::list() const { return NetworkStore(default_paths()).all(); }

BridgeNetwork Networks::find(const std::string& word) const { return NetworkStore(default_paths()).find(word); }

std::vector<NetworkMember> Networks::members(const std::string& name) const {
    std::vector<NetworkMember> members;
    for (const auto& [id, record] : NetworkStore(default_paths()).records())
        for (const auto& end : record.ends)
            if (end.network.name == name) members.push_back({record.id, record.name, end});
    return members;
}

void Networks::remove(const std::string& word) const {
    const auto paths = default_paths();
    sweep_networks(paths);
    const auto lock = lock_networks(paths.networks_state);
    const NetworkStore store(paths);
    const auto name = store.find(word).name;
    const auto members = this->members(name);
    const auto member = members.empty() ? future_member(paths, name) : members.front().name;
    if (!member.empty())
        throw Error(ErrorKind::conflict,
                    cat("cannot remove the network ", quote(name), ": container ", quote(member), " uses it"),
                    cat("minirun network disconnect ", name, ' ', member, ", or remove the container first"));
    store.remove(name);
}

void Networks::connect(const std::string& network, const std::string& word, const ConnectOptions& options) const {
    const SignalsBlocked signals;
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, word);
    const auto running = running_one(paths, container);
    const auto lock = lock_networks(paths.networks_state);
    const auto name = NetworkStore(paths).find(network).name;
    auto request = request_with_bridges(container);
    if (is_on(*request.bridge, name))
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(container.facts().name), " is on the network ", quote(name), " already"));
    const NetworkAttachment wanted{name, options.address4, options.address6, options.aliases};
    if (running) connect_running(paths, *running, wanted);
    request.bridge->networks.push_back(wanted);
    container.write(request);
}

void Networks::disconnect(const std::string& network, const std::string& word) const {
    const SignalsBlocked signals;
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, word);
    const auto running = running_one(paths, container);
    const auto lock = lock_networks(paths.networks_state);
    const auto name = NetworkStore(paths).find(network).name;
    auto request = request_with_bridges(container);
    if (!is_on(*request.bridge, name))
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(container.facts().name), " is not on the network ", quote(name)));
    if (running) disconnect_running(paths, *running, name);
    std::erase_if(request.bridge->networks, [&](const NetworkAttachment& one) { return one.network == name; });
    container.write(request);
}

}  // namespace minirun
