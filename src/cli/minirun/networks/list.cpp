// network ls and network inspect, in Docker's words.
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/minirun/inspect.hpp"
#include "cli/minirun/networks/network_line.hpp"
#include "cli/render.hpp"
#include "minirun/networks.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr OptionWords ls_options[] = {
    {'q', "quiet", "", "ids only"},
    {0, "no-trunc", "", "ids in full"},
    {0, "format", "FORMAT", "table, json (an object a line), or '{{.Name}}' and other fields"},
    {0, "help", "", "print this text"},
};

Json fields_of(const BridgeNetwork& network, bool whole) {
    std::string labels, ranges;
    bool v6 = false;
    for (const auto& [key, value] : network.labels) labels += cat(labels.empty() ? "" : ",", key, '=', value);
    for (const auto& subnet : network.subnets) {
        ranges += cat(ranges.empty() ? "" : ", ", subnet.range);
        v6 = v6 || subnet.range.find(':') != std::string::npos;
    }
    return {{"ID", whole ? network.id : network.id.substr(0, 12)},
            {"Name", network.name},
            {"Driver", "bridge"},
            {"Scope", "local"},
            {"Subnets", ranges},
            {"IPv6", v6 ? "true" : "false"},
            {"Internal", network.internal ? "true" : "false"},
            {"CreatedAt", network.created},
            {"Labels", labels}};
}

// With the length of the prefix, as Docker has it.
std::string with_prefix(const NetworkMember& member, bool v6) {
    const auto& subnets = member.end.network.subnets;
    for (std::size_t i = 0; i < subnets.size() && i < member.end.addresses.size(); i++) {
        const auto& range = subnets[i].range;
        if ((range.find(':') != std::string::npos) == v6)
            return member.end.addresses[i] + range.substr(range.find('/'));
    }
    return "";
}

Ordered inspected_network(const std::string& word) {
    const auto network = Networks().find(word);
    auto ranges = Ordered::array();
    bool v6 = false;
    for (const auto& subnet : network.subnets) {
        ranges.push_back({{"Subnet", subnet.range}, {"Gateway", subnet.gateway}});
        v6 = v6 || subnet.range.find(':') != std::string::npos;
    }
    auto containers = Ordered::object();
    for (const auto& member : Networks().members(network.name))
        containers[member.id] = {{"Name", member.name},
                                 {"EndpointID", ""},
                                 {"MacAddress", member.end.mac_address},
                                 {"IPv4Address", with_prefix(member, false)},
                                 {"IPv6Address", with_prefix(member, true)}};
    Ordered out;
    out["Name"] = network.name;
    out["Id"] = network.id;
    out["Created"] = network.created;
    out["Scope"] = "local";
    out["Driver"] = "bridge";
    out["EnableIPv6"] = v6;
    out["IPAM"] = {{"Driver", "default"}, {"Options", Ordered::object()}, {"Config", ranges}};
    out["Internal"] = network.internal;
    out["Containers"] = containers;
    auto options = Ordered::object({{"com.docker.network.bridge.name", network.interface}});
    for (const auto& [key, value] : network.options)
        options[key == "mtu" ? "com.docker.network.driver.mtu" : key] = value;
    out["Options"] = options;
    out["Labels"] = network.labels;
    return out;
}

}  // namespace

int network_ls_command(int argc, char** argv) {
    const auto line = read_network_line(
        {"network ls [OPTIONS]", "Lists the networks that containers share.", ls_options}, argc, argv);
    if (!line) return 0;
    bool quiet = false, whole = false;
    std::string format = "table";
    for (const auto& given : line->options) {
        const auto name = ls_options[given.index].name;
        if (name == "quiet") quiet = given.on;
        if (name == "no-trunc") whole = given.on;
        if (name == "format") format = given.value;
    }
    const bool as_table = !quiet && format == "table";
    if (!as_table && format != "json" && format != "table") (void)fill_in(format, fields_of({}, whole));
    std::vector<std::vector<std::string>> rows{{"NETWORK ID", "NAME", "DRIVER", "SUBNETS"}};
    std::string text;
    for (const auto& network : Networks().list()) {
        const auto fields = fields_of(network, whole);
        rows.push_back({fields["ID"].get<std::string>(), network.name, "bridge", fields["Subnets"].get<std::string>()});
        text += quiet              ? fields["ID"].get<std::string>()
                : format == "json" ? fields.dump(-1, ' ', false, Json::error_handler_t::replace)
                : as_table         ? ""
                                   : fill_in(format, fields);
        text += '\n';
    }
    print_output(as_table ? table(rows) : text);
    return 0;
}

int network_inspect_command(int argc, char** argv) {
    return inspect_all(argc, argv, "network inspect [OPTIONS] NETWORK…", "Tells all of networks that containers share.",
                       inspected_network);
}

}  // namespace minirun
