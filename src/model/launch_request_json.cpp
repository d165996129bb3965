#include "model/launch_request_json.hpp"

#include <chrono>

#include "base/json.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

using std::chrono::nanoseconds;

constexpr std::pair<RootSource::Upper, std::string_view> upper_words[] = {
    {RootSource::Upper::disk, "disk"}, {RootSource::Upper::memory, "memory"}, {RootSource::Upper::none, "none"}};

std::string_view upper_word(RootSource::Upper upper) {
    for (const auto& [value, word] : upper_words)
        if (value == upper) return word;
    return "";
}

RootSource::Upper read_upper(const JsonView& view) {
    const auto given = view.string_or("disk");
    for (const auto& [value, word] : upper_words)
        if (word == given) return value;
    view.complain("expected disk, memory or none");
    return RootSource::Upper::disk;
}

Json root_json(const RootSource& root) {
    Json json{{"isDirectory", root.kind == RootSource::Kind::directory},
              {"layers", Json::array()},
              {"isolated", root.isolated},
              {"reused", root.reused},
              {"upper", upper_word(root.upper)},
              {"missingTargets", Json::array()}};
    for (const auto& layer : root.layers) json["layers"].push_back({{"name", layer.name}, {"path", layer.path}});
    for (const auto& target : root.missing_targets)
        json["missingTargets"].push_back({{"path", target.path}, {"directory", target.directory}});
    if (root.memory_upper_size) json["memoryUpperSize"] = *root.memory_upper_size;
    return json;
}

RootSource read_root(const JsonView& view) {
    RootSource root;
    if (view["isDirectory"].boolean_or(false)) root.kind = RootSource::Kind::directory;
    for (const auto& layer : view["layers"].elements())
        root.layers.push_back({layer["name"].string_or(""), layer["path"].string_or("")});
    root.isolated = view["isolated"].boolean_or(false);
    root.reused = view["reused"].boolean_or(false);
    root.upper = read_upper(view["upper"]);
    root.memory_upper_size = view["memoryUpperSize"].integer();
    for (const auto& target : view["missingTargets"].elements())
        root.missing_targets.push_back({target["path"].string_or(""), target["directory"].boolean_or(true)});
    return root;
}

// Times in nanoseconds.
Json supervision_json(const Supervision& supervision) {
    Json json{{"stopSignal", supervision.stop_signal},
              {"stopTimeout", supervision.stop_timeout.count()},
              {"init", supervision.init}};
    if (supervision.timeout) json["timeout"] = supervision.timeout->count();
    if (supervision.cpu_time) json["cpuTime"] = supervision.cpu_time->count();
    if (supervision.output_limit) json["outputLimit"] = *supervision.output_limit;
    return json;
}

Supervision read_supervision(const JsonView& view) {
    Supervision supervision;
    supervision.stop_signal = static_cast<int>(view["stopSignal"].unsigned_integer(64).value_or(SIGTERM));
    if (const auto time = view["stopTimeout"].integer()) supervision.stop_timeout = nanoseconds(*time);
    supervision.init = view["init"].boolean_or(false);
    if (const auto time = view["timeout"].integer()) supervision.timeout = nanoseconds(*time);
    if (const auto time = view["cpuTime"].integer()) supervision.cpu_time = nanoseconds(*time);
    supervision.output_limit = view["outputLimit"].unsigned_integer();
    return supervision;
}

Json pasta_json(const NetworkSetting& pasta) {
    return {{"ports", ports_json(pasta.ports)}, {"macAddress", pasta.mac_address}, {"dnsForward", pasta.dns_forward}};
}

NetworkSetting read_pasta(const JsonView& view) {
    NetworkSetting pasta;
    pasta.ports = read_ports(view["ports"]);
    pasta.mac_address = view["macAddress"].string_or("");
    pasta.dns_forward = view["dnsForward"].string_or("");
    return pasta;
}

Json bridge_json(const BridgeSetting& bridge) {
    Json json{{"ports", ports_json(bridge.ports)},
              {"macAddress", bridge.mac_address},
              {"keepsNames", bridge.keeps_names},
              {"networks", Json::array()}};
    for (const auto& one : bridge.networks)
        json["networks"].push_back({{"network", one.network},
                                    {"address4", one.address4},
                                    {"address6", one.address6},
                                    {"aliases", one.aliases}});
    return json;
}

BridgeSetting read_bridge(const JsonView& view) {
    BridgeSetting bridge;
    bridge.ports = read_ports(view["ports"]);
    bridge.mac_address = view["macAddress"].string_or("");
    bridge.keeps_names = view["keepsNames"].boolean_or(false);
    for (const auto& one : view["networks"].elements())
        bridge.networks.push_back({one["network"].string_or(""), one["address4"].string_or(""),
                                   one["address6"].string_or(""),
                                   one["aliases"].strings().value_or(std::vector<std::string>{})});
    return bridge;
}

}  // namespace

Json ports_json(const std::vector<PublishedPorts>& ports) {
    auto json = Json::array();
    for (const auto& one : ports)
        json.push_back({{"address", one.address},
                        {"host", one.host_port},
                        {"container", one.container_port},
                        {"count", one.count},
                        {"udp", one.protocol == PublishedPorts::Protocol::udp}});
    return json;
}

std::vector<PublishedPorts> read_ports(const JsonView& view) {
    const auto port = [](const JsonView& number) {
        return static_cast<std::uint16_t>(number.unsigned_integer(UINT16_MAX).value_or(0));
    };
    std::vector<PublishedPorts> ports;
    for (const auto& one : view.elements()) {
        const bool udp = one["udp"].boolean_or(false);
        ports.push_back({one["address"].string_or(""), port(one["host"]), port(one["container"]), port(one["count"]),
                         udp ? PublishedPorts::Protocol::udp : PublishedPorts::Protocol::tcp});
    }
    return ports;
}

Json launch_request_json(const LaunchRequest& request) {
    Json json{{"root", root_json(request.root)},
              {"etcFiles", Json::array()},
              {"ensureDirectories", request.ensure_directories},
              {"interactive", request.streams.interactive},
              {"tty", request.streams.tty},
              {"supervision", supervision_json(request.supervision)},
              {"fixedAddresses", request.fixed_addresses},
              {"compat", request.compat},
              {"privileged", request.privileged},
              {"loopbackUp", request.loopback_up}};
    if (request.pasta) json["pasta"] = pasta_json(*request.pasta);
    if (request.bridge) json["bridge"] = bridge_json(*request.bridge);
    if (!request.network_of.empty()) json["networkOf"] = request.network_of;
    for (const auto& file : request.etc_files) json["etcFiles"].push_back({{"path", file.path}, {"text", file.text}});
    return json;
}

LaunchRequest read_launch_request(const JsonView& view) {
    LaunchRequest request;
    request.root = read_root(view["root"]);
    for (const auto& file : view["etcFiles"].elements())
        request.etc_files.push_back({file["path"].string_or(""), file["text"].string_or("")});
    request.ensure_directories = view["ensureDirectories"].strings().value_or(std::vector<std::string>{});
    request.streams.interactive = view["interactive"].boolean_or(false);
    request.streams.tty = view["tty"].boolean_or(false);
    request.supervision = read_supervision(view["supervision"]);
    request.fixed_addresses = view["fixedAddresses"].boolean_or(false);
    request.compat = view["compat"].boolean_or(false);
    request.privileged = view["privileged"].boolean_or(false);
    request.loopback_up = view["loopbackUp"].boolean_or(true);
    if (const auto pasta = view["pasta"]) request.pasta = read_pasta(pasta);
    if (const auto bridge = view["bridge"]) request.bridge = read_bridge(bridge);
    request.network_of = view["networkOf"].string_or("");
    return request;
}

}  // namespace minirun
