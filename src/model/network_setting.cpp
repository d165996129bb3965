#include "model/network_setting.hpp"

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
        case Network::pasta: break;
    }
    return "";
}

void check_options(const RunOptions& options) {
    const auto network = network_of(options);
    if (network == Network::pasta) return;
    if (publishes(options))
        throw Error(ErrorKind::usage,
                    cat(options.publish.empty() ? "--publish-all" : "--publish",
                        " publishes ports with --network pasta only: ", reason_against_ports(network)),
                    "leave out --network, or leave out what is published");
    if (!options.mac_address.empty())
        throw Error(ErrorKind::usage, "--mac-address is for the interface that --network pasta makes",
                    "add --network pasta");
}

}  // namespace

std::optional<NetworkSetting> network_setting(const ImageConfig& image, const RunOptions& options,
                                              const std::string& container_dir) {
    check_options(options);
    if (network_of(options) != Network::pasta) return std::nullopt;
    NetworkSetting setting;
    setting.ports = options.publish;
    if (options.publish_all)
        for (const auto& exposed : image.exposed_ports)
            for (auto& port : parse_exposed_port(exposed)) setting.ports.push_back(std::move(port));
    check_published_once(setting.ports);
    setting.mac_address = options.mac_address;
    setting.process_record = cat(container_dir, '/', pasta_record);
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
