#include "model/network_setting.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/published_ports.hpp"

namespace minirun {
namespace {

using Network = RunOptions::Network;

bool publishes(const RunOptions& options) { return !options.publish.empty() || options.publish_all; }

// Why a network has no ports of the host that lead into it.
std::string_view reason_against_ports(Network network) {
    switch (network) {
        case Network::none: return "--network none has no way in";
        case Network::host: return "with --network host the container's ports are the host's already";
        case Network::path: return "the network namespace of --network ns: is set up by whoever made it";
        case Network::container: return "the ports are those of the container whose network is joined";
        case Network::pasta:
        case Network::bridge: break;
    }
    return "";
}

// The names of a network are those of the container whose it is.
void check_joined(const RunOptions& options) {
    const std::pair<bool, const char*> given[] = {{!options.hostname.empty(), "--hostname"},
                                                  {!options.add_hosts.empty(), "--add-host"},
                                                  {!options.dns.empty(), "--dns"},
                                                  {!options.dns_search.empty(), "--dns-search"},
                                                  {!options.dns_options.empty(), "--dns-option"}};
    for (const auto& [is_given, name] : given)
        if (is_given)
            throw Error(ErrorKind::usage,
                        cat(name, " does not go with --network container: it is that container's to say"),
                        "give it to the container whose network is joined");
}

void check_bridges(const RunOptions& options) {
    auto names = options.bridges;
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) throw Error(ErrorKind::usage, cat("--network bridge:", *twice, " is given twice"));
}

void check_options(const RunOptions& options) {
    const auto network = network_of(options);
    if (network == Network::bridge) return check_bridges(options);
    const bool addressed = !options.address4.empty() || !options.address6.empty();
    if (addressed || !options.network_aliases.empty())
        throw Error(ErrorKind::usage,
                    cat(addressed ? options.address4.empty() ? "--ip6" : "--ip" : "--network-alias",
                        " is for networks that containers share"),
                    "add --network bridge, or --network bridge:NAME");
    if (network == Network::container) check_joined(options);
    if (network == Network::pasta) return;
    if (publishes(options))
        throw Error(ErrorKind::usage,
                    cat(options.publish.empty() ? "--publish-all" : "--publish",
                        " publishes ports with --network pasta or bridge only: ", reason_against_ports(network)),
                    "leave out --network, or leave out what is published");
    if (!options.mac_address.empty())
        throw Error(ErrorKind::usage, "--mac-address is for the interface that --network pasta or bridge makes",
                    "add --network pasta");
}

// Those that are asked for, and of the image those that are wanted.
std::vector<PublishedPorts> published_ports(const ImageConfig& image, const RunOptions& options) {
    auto ports = options.publish;
    if (options.publish_all)
        for (const auto& exposed : image.exposed_ports)
            for (auto& port : parse_exposed_port(exposed)) ports.push_back(std::move(port));
    check_published_once(ports);
    return ports;
}

}  // namespace

std::optional<NetworkSetting> network_setting(const ImageConfig& image, const RunOptions& options,
                                              const std::string& container_dir) {
    check_options(options);
    if (network_of(options) != Network::pasta) return std::nullopt;
    NetworkSetting setting;
    setting.ports = published_ports(image, options);
    setting.mac_address = options.mac_address;
    setting.process_record = cat(container_dir, '/', pasta_record);
    return setting;
}

std::optional<BridgeSetting> bridge_setting(const ImageConfig& image, const RunOptions& options) {
    if (network_of(options) != Network::bridge) return std::nullopt;
    BridgeSetting setting;
    for (const auto& name : options.bridges) setting.networks.push_back({name, {}, {}, options.network_aliases});
    auto& first = setting.networks.front();
    first.address4 = options.address4;
    first.address6 = options.address6;
    setting.ports = published_ports(image, options);
    setting.mac_address = options.mac_address;
    setting.keeps_names = !options.dns.empty();
    return setting;
}

std::vector<std::string> port_notices(const ImageConfig& image, const RunOptions& options) {
    const auto& ports = image.exposed_ports;
    std::vector<std::string> notices;
    if (!ports.empty() && !options.network && !publishes(options)) {
        std::string list;
        for (const auto& port : ports) list += (list.empty() ? "" : ", ") + printable(port);
        notices.push_back(cat("the image exposes ", list,
                              ", but the container has no network (-P publishes them, --network host gives it the "
                              "host's)"));
    }
    if (!options.publish_all) return notices;
    if (ports.empty()) notices.emplace_back("the image exposes no ports that -P could publish");
    for (const auto& port : ports)
        if (parse_exposed_port(port).empty())
            notices.push_back(cat("-P does not publish ", printable(port), ": only tcp and udp can be"));
    return notices;
}

}  // namespace minirun
