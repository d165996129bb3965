#include "network/netavark.hpp"

#include <algorithm>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "model/published_ports.hpp"

namespace minirun {
namespace {

Json port_mappings(const std::vector<PublishedPorts>& ports) {
    auto mappings = Json::array();
    for (const auto& one : ports)
        mappings.push_back({{"container_ip", ""},
                            {"container_port", one.container_port},
                            {"host_ip", one.address},
                            {"host_port", one.host_port},
                            {"protocol", protocol_name(one.protocol)},
                            {"range", one.count}});
    return mappings;
}

Json network_info(const BridgeNetwork& network) {
    auto subnets = Json::array();
    bool v6 = false;
    for (const auto& one : network.subnets) {
        subnets.push_back({{"subnet", one.range}, {"gateway", one.gateway}});
        v6 = v6 || one.range.find(':') != std::string::npos;
    }
    return {{"name", network.name},         {"id", network.id},
            {"driver", "bridge"},           {"network_interface", network.interface},
            {"subnets", subnets},           {"ipv6_enabled", v6},
            {"internal", network.internal}, {"dns_enabled", network.names},
            {"options", network.options}};
}

}  // namespace

std::string netavark_input(const NetworkRecord& record, const NetworkEnd& end) {
    const auto first = std::find_if(record.ends.begin(), record.ends.end(),
                                    [](const NetworkEnd& one) { return !one.network.internal; });
    const bool has_ports = first != record.ends.end() && first->network.name == end.network.name;
    Json input{{"container_id", record.id}, {"container_name", record.name}};
    if (has_ports && !record.ports.empty()) input["port_mappings"] = port_mappings(record.ports);
    input["networks"][end.network.name] = {{"static_ips", end.addresses},
                                           {"static_mac", end.mac_address},
                                           {"aliases", end.aliases},
                                           {"interface_name", end.interface}};
    input["network_info"][end.network.name] = network_info(end.network);
    return input.dump();
}

void add_bridges(PlanBuilder& plan) {
    const auto& setting = plan.request.bridge;
    if (!setting || setting->record.ends.empty()) return;
    std::vector<op::BridgeEnd> ends;
    for (const auto& end : setting->record.ends)
        ends.push_back({plan.text(end.network.name), plan.text(end.interface), plan.text(join(end.addresses, ", ")),
                        plan.bytes(netavark_input(setting->record, end)), end.network.names});
    std::vector<op::PortForward> ports;
    for (const auto& one : setting->record.ports)
        ports.push_back({plan.text(one.address), one.host_port, one.container_port, one.count,
                         one.protocol == PublishedPorts::Protocol::udp});
    plan.host_after(op::ConnectBridges{plan.arena().array(ends), plan.arena().array(ports),
                                       plan.text(setting->record_path), plan.text(setting->state)});
}

}  // namespace minirun
