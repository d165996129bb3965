#include "launch/bridge_connection.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "launch/netavark_process.hpp"
#include "minirun/error.hpp"
#include "network/bridge_port.hpp"
#include "network/host_ports.hpp"
#include "network/netavark.hpp"
#include "network/network_namespace.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_record = std::size_t{1} << 20;

Fd open_own_namespace() {
    Fd network(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!network) throw system_error("cannot open this network namespace", errno);
    return network;
}

// netavark wants to find the interface. Where the container's namespace is gone, and with it that interface and its
// peer on the bridge, it finds another one of its name, and goes on to the rest.
void take_down_elsewhere(const NetworkRecord& record, const NetworkEnd& end, const std::string& state, const Fd& host) {
    const auto stand_in = make_network_namespace({end.interface});
    run_netavark(find_netavark(false),
                 {"teardown", netavark_input(record, end), stand_in, host, networks_state(state, record.host)});
}

// A container that is killed leaves its namespace to the kernel, which takes its time.
void remove_port(const NetworkEnd& end, const Fd& host) noexcept try {
    if (end.port != 0) remove_bridge_port(host, end.network.interface, end.port);
} catch (const std::exception&) {
    // It was faster.
}

// Whether nothing of it is left.
bool take_down(const NetworkRecord& record, const NetworkEnd& end, const std::string& state, const Fd& network,
               const Fd& host) noexcept {
    try {
        run_netavark(find_netavark(false),
                     {"teardown", netavark_input(record, end), network, host, networks_state(state, record.host)});
        remove_port(end, host);  // what had the interface's name may have been another one
        return true;
    } catch (const std::exception&) {
        // Set up in part, or the container has removed its interface.
    }
    try {
        remove_port(end, host);
        take_down_elsewhere(record, end, state, host);
        return true;
    } catch (const std::exception&) {
        return false;  // netavark itself is gone, perhaps
    }
}

// Unless it answers there already.
void check_name_servers(const NetworkEnd& end, const std::string& state) {
    if (!end.network.names || ::access(cat(state, "/aardvark-dns/", end.network.name).c_str(), F_OK) == 0) return;
    for (const auto& subnet : end.network.subnets) check_name_server_port(subnet.gateway);
}

// What the sweep could not find out any more. Once: later the container may have put something else in its place.
void note_ports(const std::string& path, const Fd& network) {
    auto record = read_network_record(path);
    for (auto& end : record.ends)
        if (end.port == 0) end.port = peer_of_interface(network, end.interface);
    write_network_record(path, record);
}

}  // namespace

NetworkRecord read_network_record(const std::string& path) {
    const auto document = parse_json(read_file(path, max_record), path);
    Problems problems(path);
    auto record = read_network_record(JsonView(document, problems));
    problems.throw_if_any();
    return record;
}

void write_network_record(const std::string& path, const NetworkRecord& record) {
    replace_file(path, network_record_json(record).dump(), 0600);
}

BridgeConnection::BridgeConnection(const op::ConnectBridges& step, Fd network)
    : record_(step.record), state_(step.state), network_(std::move(network)) {
    try {
        const bool names = std::any_of(step.ends.begin(), step.ends.end(), [](const auto& one) { return one.names; });
        const auto programs = find_netavark(names);
        ports_ = reserve_host_ports(step.ports);
        const auto host = open_own_namespace();
        const auto lock = lock_networks(state_);
        const auto state = networks_state(state_, network_namespace_number());
        for (const auto& one : read_network_record(record_).ends) check_name_servers(one, state);
        for (const auto& one : step.ends)
            run_netavark(programs, {"setup", {one.input.data(), one.input.size()}, network_, host, state});
        note_ports(record_, network_);
    } catch (...) {
        end();
        throw;
    }
}

BridgeConnection& BridgeConnection::operator=(BridgeConnection&& other) noexcept {
    end();
    record_ = std::exchange(other.record_, {});
    state_ = std::move(other.state_);
    network_ = std::move(other.network_);
    ports_ = std::move(other.ports_);
    return *this;
}

void BridgeConnection::end() noexcept {
    // The record stays where something of it does: the next start of the container, or its removal, tries again.
    ports_.clear();
    if (network_) try {
            const auto host = open_own_namespace();
            const auto lock = lock_networks(state_);
            const auto record = read_network_record(record_);  // it may have been connected to others meanwhile
            bool gone = true;
            for (const auto& one : record.ends) gone = take_down(record, one, state_, network_, host) && gone;
            remove_idle_state(networks_state(state_, record.host));
            if (gone) ::unlink(record_.c_str());
        } catch (const std::exception&) {
            // The record is left, or is gone with the container's directory.
        }
    network_.reset();
}

void connect_end(const std::string& path, const NetworkEnd& end, const std::string& state, const Fd& network) {
    const auto record = read_network_record(path);
    const auto host = find_network_namespace(record.host);
    check_name_servers(end, networks_state(state, record.host));
    try {
        run_netavark(find_netavark(end.network.names),
                     {"setup", netavark_input(record, end), network, host, networks_state(state, record.host)});
        note_ports(path, network);
    } catch (...) {
        take_down(record, end, state, network, host);
        throw;
    }
}

void disconnect_end(const NetworkRecord& record, const NetworkEnd& end, const std::string& state, const Fd& network) {
    const auto host = find_network_namespace(record.host);
    run_netavark(find_netavark(false),
                 {"teardown", netavark_input(record, end), network, host, networks_state(state, record.host)});
    remove_port(end, host);
}

void end_connection(const std::string& path, const std::string& state) noexcept try {
    if (::access(path.c_str(), F_OK) < 0) return;
    const auto lock = lock_networks(state);
    const auto record = read_network_record(path);
    // With the namespace that the bridges were in they are gone, too.
    bool gone = true;
    if (const auto host = find_network_namespace(record.host)) {
        for (const auto& one : record.ends) try {
                remove_port(one, host);
                take_down_elsewhere(record, one, state, host);
            } catch (const std::exception&) {
                gone = false;  // the others are taken down all the same
            }
        remove_idle_state(networks_state(state, record.host));
    }
    if (gone) ::unlink(path.c_str());
} catch (const std::exception&) {
    // The next command tries again.
}

}  // namespace minirun
