#include "cli/minirun/network_options.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/fd.hpp"
#include "base/path.hpp"
#include "cli/minirun/run_values.hpp"
#include "kernel/system_error.hpp"
#include "model/option_error.hpp"
#include "model/published_ports.hpp"
#include "network/address_range.hpp"
#include "network/etc_files.hpp"

namespace minirun::network_options {
namespace {

constexpr std::string_view option = "--network";

// One that may not be opened, for want of rights, is left to the launch.
void check_network_namespace(const std::string& text, const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file && (errno == EACCES || errno == EPERM)) return;
    if (!file)
        throw Error(ErrorKind::not_found, cat(option, ' ', quote(text), ": cannot open it: ", errno_text(errno)),
                    "ip netns add NAME makes /run/netns/NAME");
    if (::ioctl(file.get(), NS_GET_NSTYPE) != CLONE_NEWNET)
        throw option_error(option, text, "this is no network namespace", "write ns:/run/netns/NAME");
}

int hex_digit(char c) {
    const std::string_view digits = "0123456789abcdef";
    const auto found = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

// "02:42:ac:11:00:02"; nothing else, since pasta takes whatever it finds.
bool is_mac_address(std::string_view text) {
    if (text.size() != 17) return false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool colon = i % 3 == 2;
        if (colon ? text[i] != ':' : hex_digit(text[i]) < 0) return false;
    }
    return true;
}

}  // namespace

void network(RunOptions& options, const std::string& text) {
    using Network = RunOptions::Network;
    options.network_path.clear();
    options.network_container.clear();
    // Several of these are several networks.
    const bool bridge = text == "bridge" || (text.starts_with("bridge:") && text.size() > 7);
    if (!bridge) options.bridges.clear();
    if (text == "none") {
        options.network = Network::none;
    } else if (text == "host") {
        options.network = Network::host;
    } else if (text == "pasta") {
        options.network = Network::pasta;
    } else if (bridge) {
        options.network = Network::bridge;
        options.bridges.push_back(text == "bridge" ? text : text.substr(7));
    } else if (text.starts_with("container:") && text.size() > 10) {
        options.network = Network::container;
        options.network_container = text.substr(10);
    } else if (text.starts_with("ns:") && text.size() > 3) {
        options.network = Network::path;
        options.network_path = absolute_path(text.substr(3), current_directory());
        check_network_namespace(text, options.network_path);
    } else {
        throw option_error(option, text, "there are none, host, pasta, bridge[:NAME], container:NAME and ns:PATH");
    }
}

void address4(RunOptions& options, const std::string& text) {
    const auto address = parse_ip_address(text);
    if (!address || address->v6)
        throw option_error("--ip", text, "this is no address of IPv4", "write 10.90.0.7; --ip6 is for IPv6");
    options.address4 = ip_address_text(*address);
}

void address6(RunOptions& options, const std::string& text) {
    const auto address = parse_ip_address(text);
    if (!address || !address->v6)
        throw option_error("--ip6", text, "this is no address of IPv6", "write fd00::7; --ip is for IPv4");
    options.address6 = ip_address_text(*address);
}

void alias(RunOptions& options, const std::string& text) {
    check_network_alias("--network-alias", text);
    options.network_aliases.push_back(text);
}

void check_network_alias(std::string_view name, const std::string& text) {
    if (!is_host_name(text))
        throw option_error(name, text, "this is no host name",
                           "letters, digits, '-' and '_', with dots between the labels");
}

void publish(RunOptions& options, const std::string& text) {
    auto ports = parse_published_ports(text);
    options.publish.insert(options.publish.end(), ports.begin(), ports.end());
}

void mac_address(RunOptions& options, const std::string& text) {
    if (!is_mac_address(text))
        throw option_error("--mac-address", text, "this is no hardware address", "write 02:42:ac:11:00:02");
    if ((hex_digit(text[1]) & 1) != 0)
        throw option_error("--mac-address", text, "this is the address of a group, not of one interface",
                           "the second digit has to be even: 02:42:ac:11:00:02");
    if (text == "00:00:00:00:00:00")
        throw option_error("--mac-address", text, "no interface can have this one", "write 02:42:ac:11:00:02");
    options.mac_address = text;
}

}  // namespace minirun::network_options
