#include "network/pasta.hpp"

#include <string>
#include <vector>

#include "base/text.hpp"

namespace minirun {
namespace {

std::string range_text(std::uint16_t first, std::uint16_t count) {
    return count == 1 ? cat(first) : cat(first, '-', first + count - 1);
}

// "127.0.0.1/8000-8010:9000-9010".
std::string port_specifier(const PublishedPorts& ports) {
    return cat(ports.address, ports.address.empty() ? "" : "/", range_text(ports.host_port, ports.count), ':',
               range_text(ports.container_port, ports.count));
}

// All is said that has a default: those of pasta suit a person who wants to be as on the host.
std::vector<std::string> pasta_words(const NetworkSetting& setting) {
    std::vector<std::string> words{
        "pasta",
        // A child of ours that stays one can be ended for certain, and dies with us.
        "--foreground", "--quiet",
        // The number of its process, when it is ready.
        "--pid", "/dev/stdout",
        // Of no path: pasta has no right to look into other processes.
        "--netns", "/proc/self/fd/0", "--netns-only", "--no-netns-quit",
        // The namespace is the host's root's. pasta gives its rights up as soon as it is in there, and its files, too.
        "--runas", "0",
        // Addresses and routes like the host's; no program of the container's need ask for them.
        "--config-net", "--ns-ifname", "eth0",
        // No address leads to what listens on the host's loopback only, and no port of the container's does.
        "--no-map-gw", "--tcp-ns", "none", "--udp-ns", "none"};
    const auto add = [&](const char* option, const std::string& value) {
        words.emplace_back(option);
        words.push_back(value);
    };
    bool tcp = false, udp = false;
    for (const auto& one : setting.ports) {
        const bool is_tcp = one.protocol == PublishedPorts::Protocol::tcp;
        (is_tcp ? tcp : udp) = true;
        add(is_tcp ? "--tcp-ports" : "--udp-ports", port_specifier(one));
    }
    if (!tcp) add("--tcp-ports", "none");
    if (!udp) add("--udp-ports", "none");
    if (!setting.mac_address.empty()) add("--ns-mac-addr", setting.mac_address);
    if (!setting.dns_forward.empty()) add("--dns-forward", setting.dns_forward);
    return words;
}

}  // namespace

void add_pasta(PlanBuilder& plan) {
    const auto& setting = plan.request.pasta;
    if (!setting) return;
    std::vector<op::PortForward> ports;
    for (const auto& one : setting->ports)
        ports.push_back({plan.text(one.address), one.host_port, one.container_port, one.count,
                         one.protocol == PublishedPorts::Protocol::udp});
    plan.host_after(op::StartPasta{plan.arena().null_terminated(pasta_words(*setting)),
                                   plan.text(setting->process_record), plan.arena().array(ports)});
}

}  // namespace minirun
