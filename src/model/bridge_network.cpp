#include "model/bridge_network.hpp"

#include "base/json.hpp"
#include "model/launch_request_json.hpp"

namespace minirun {
namespace {

std::vector<std::string> texts(const JsonView& view) { return view.strings().value_or(std::vector<std::string>{}); }

Json end_json(const NetworkEnd& end) {
    return {{"network", bridge_network_json(end.network)},
            {"interface", end.interface},
            {"addresses", end.addresses},
            {"macAddress", end.mac_address},
            {"aliases", end.aliases},
            {"port", end.port}};
}

NetworkEnd read_end(const JsonView& view) {
    return {read_bridge_network(view["network"]),
            view["interface"].string_or(""),
            texts(view["addresses"]),
            view["macAddress"].string_or(""),
            texts(view["aliases"]),
            static_cast<int>(view["port"].unsigned_integer(INT32_MAX).value_or(0))};
}

}  // namespace

Json bridge_network_json(const BridgeNetwork& network) {
    Json json{{"name", network.name},         {"id", network.id},
              {"created", network.created},   {"interface", network.interface},
              {"internal", network.internal}, {"names", network.names},
              {"labels", network.labels},     {"options", network.options},
              {"subnets", Json::array()}};
    for (const auto& subnet : network.subnets)
        json["subnets"].push_back({{"range", subnet.range}, {"gateway", subnet.gateway}});
    return json;
}

BridgeNetwork read_bridge_network(const JsonView& view) {
    BridgeNetwork network;
    network.name = view["name"].string_or("");
    network.id = view["id"].string_or("");
    network.created = view["created"].string_or("");
    network.interface = view["interface"].string_or("");
    network.internal = view["internal"].boolean_or(false);
    network.names = view["names"].boolean_or(true);
    for (const auto& [key, value] : view["labels"].members()) network.labels[key] = value.string_or("");
    for (const auto& [key, value] : view["options"].members()) network.options[key] = value.string_or("");
    for (const auto& subnet : view["subnets"].elements())
        network.subnets.push_back({subnet["range"].string_or(""), subnet["gateway"].string_or("")});
    return network;
}

Json network_record_json(const NetworkRecord& record) {
    Json json{{"id", record.id},
              {"name", record.name},
              {"host", record.host},
              {"ports", ports_json(record.ports)},
              {"ends", Json::array()}};
    for (const auto& end : record.ends) json["ends"].push_back(end_json(end));
    return json;
}

NetworkRecord read_network_record(const JsonView& view) {
    NetworkRecord record;
    record.id = view["id"].string_or("");
    record.name = view["name"].string_or("");
    record.host = view["host"].unsigned_integer().value_or(0);
    record.ports = read_ports(view["ports"]);
    for (const auto& end : view["ends"].elements()) record.ends.push_back(read_end(end));
    return record;
}

}  // namespace minirun
