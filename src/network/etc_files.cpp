#include "network/etc_files.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/path.hpp"
#include "base/text.hpp"
#include "model/network_setting.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

using Network = RunOptions::Network;

bool is_address(const std::string& text) {
    // inet_pton(3) sees nothing of what is behind a NUL; a file would get all of it.
    if (text.find('\0') != std::string::npos) return false;
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

bool is_host_label(std::string_view label) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !label.empty() && label.size() <= 63 && label[0] != '-' &&
           std::all_of(label.begin(), label.end(), is_letter);
}

constexpr std::string_view own_hosts =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

constexpr std::string_view own_address = "127.0.1.1";
// Until set_host_gateway() puts the address of the network there that the container is given at its start.
constexpr std::string_view host_gateway = "host-gateway";
constexpr std::string_view no_name_server =
    "# No name server of the host can be reached from here: minirun run --dns ADDRESS names one.\n";

bool names_host(std::string_view hosts, std::string_view name) {
    for (const auto& line : split(hosts, '\n')) {
        auto words = line.substr(0, line.find('#'));
        std::replace(words.begin(), words.end(), '\t', ' ');
        const auto parts = split(words, ' ');
        if (std::find(parts.begin() + 1, parts.end(), name) != parts.end()) return true;
    }
    return false;
}

// Under which this host is reached from the container.
std::string_view host_address(Network network, std::string_view option) {
    const auto refused = [&](std::string_view reason) {
        return option_error("--add-host", option, reason, "with --network bridge, or host, there is one");
    };
    switch (network) {
        case Network::host: return "127.0.0.1";
        case Network::bridge: return host_gateway;
        case Network::pasta: throw refused("pasta has no address that leads to this host");
        case Network::path: throw refused("which address leads to this host, only who has made that network knows");
        case Network::none:
        case Network::container: break;
    }
    throw refused("without a network no address leads to this host");
}

std::string hosts_text(const ContainerSpec& spec, const RunOptions& options, const HostFacts& host) {
    const bool hosts_network = network_of(options) == Network::host && !host.hosts.empty();
    std::string text = hosts_network ? host.hosts : std::string(own_hosts);
    if (!text.ends_with('\n')) text += '\n';
    for (const auto& option : options.add_hosts) {
        const auto entry = parse_add_host(option);
        const auto address = entry.address == host_gateway ? host_address(network_of(options), option) : entry.address;
        append(text, cat(address, '\t', entry.name, '\n'));
    }
    // The container's own name, which programs look up. 127.0.1.1, as on Debian: 127.0.0.1 is localhost.
    const auto& name = spec.hostname;
    if (name.empty() || names_host(text, name)) return text;
    const auto full = spec.domainname.empty() ? name : cat(name, '.', spec.domainname, ' ', name);
    return cat(text, own_address, '\t', full, '\n');
}

// The lines of a resolv.conf(5) that one of the options replaces.
struct Resolver {
    std::vector<std::string> servers, search, options, others;
};
Resolver read_resolver(std::string_view text) {
    Resolver resolver;
    for (const auto& line : split(text, '\n')) {
        if (line.empty() || line[0] == '#' || line[0] == ';') continue;
        const auto blank = line.find_first_of(" \t");
        const auto key = line.substr(0, blank);
        const auto start = line.find_first_not_of(" \t", blank);
        const auto value = start == std::string::npos ? std::string() : line.substr(start);
        if (key == "nameserver")
            resolver.servers.push_back(value);
        else if (key == "search" || key == "domain")
            resolver.search = {value};
        else if (key == "options")
            resolver.options.push_back(value);
        else
            resolver.others.push_back(line);
    }
    return resolver;
}

// A loopback or link-local address leads elsewhere in another network namespace, or nowhere.
bool is_only_the_hosts(const std::string& address) {
    return address.starts_with("127.") || address == "::1" || address.starts_with("fe80:");
}

// Those of the host's that can be reached in a network of the container's own.
Resolver reachable_resolver(const RunOptions& options, const HostFacts& host) {
    auto resolver = read_resolver(host.resolv_conf);
    std::erase_if(resolver.servers, is_only_the_hosts);
    if (const auto address = dns_forward(options, host); !address.empty()) resolver.servers = {address};
    return resolver;
}

// Without a network no name server of the host's can be reached, and its addresses are the host's business: there is
// none, and the resolver's default, 127.0.0.1, refuses at once.
std::string resolver_text(const RunOptions& options, const HostFacts& host) {
    const auto network = network_of(options);
    const bool any_option = !options.dns.empty() || !options.dns_search.empty() || !options.dns_options.empty();
    if (!any_option && network == Network::host) return host.resolv_conf;
    if (!any_option && network == Network::none) return "# This container has no network.\n";
    auto resolver = network == Network::none   ? Resolver{}
                    : network == Network::host ? read_resolver(host.resolv_conf)
                                               : reachable_resolver(options, host);
    for (const auto& address : options.dns) check_name_server(address);
    for (const auto& domain : options.dns_search) check_search_domain(domain);
    for (const auto& option : options.dns_options) check_resolver_option(option);
    if (!options.dns.empty()) resolver.servers = options.dns;
    if (!options.dns_search.empty()) resolver.search = options.dns_search;
    if (!options.dns_options.empty()) resolver.options = options.dns_options;

    std::string text;
    for (const auto& address : resolver.servers) append(text, cat("nameserver ", address, '\n'));
    const bool own_network = network != Network::none && network != Network::host;
    if (own_network && resolver.servers.empty()) append(text, no_name_server);
    // "." alone asks for no search list at all.
    std::erase(resolver.search, ".");
    if (!resolver.search.empty()) append(text, cat("search ", join(resolver.search, " "), '\n'));
    if (!resolver.options.empty()) append(text, cat("options ", join(resolver.options, " "), '\n'));
    for (const auto& line : resolver.others) append(text, cat(line, '\n'));
    return text;
}

// Also below a volume on /etc: who brings a whole /etc brings these, and no file is to appear in a directory of theirs.
bool is_covered(const ContainerSpec& spec, std::string_view path) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [&](const MountSpec& mount) { return is_at_or_below(path, mount.destination); });
}

}  // namespace

void set_own_address(std::string& hosts, const std::string& address) {
    const auto line = hosts.find(cat('\n', own_address, '\t'));
    if (line != std::string::npos) hosts.replace(line + 1, own_address.size(), address);
}

void set_host_gateway(std::string& hosts, const std::string& address) {
    std::string text;
    for (const auto& line : split(hosts, '\n')) {
        const bool is_one = line.starts_with(cat(host_gateway, '\t'));
        if (is_one && !address.empty()) append(text, cat(address, line.substr(host_gateway.size()), '\n'));
        if (!is_one && !line.empty()) append(text, cat(line, '\n'));
    }
    hosts = std::move(text);
}

void set_name_servers(std::string& resolv_conf, const std::vector<std::string>& servers) {
    std::string text;
    for (const auto& server : servers) append(text, cat("nameserver ", server, '\n'));
    for (const auto& line : split(resolv_conf, '\n'))
        if (!line.empty() && !line.starts_with("nameserver ") && line[0] != '#') append(text, cat(line, '\n'));
    resolv_conf = std::move(text);
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 64) return false;
    const auto labels = split(text, '.');
    return std::all_of(labels.begin(), labels.end(), is_host_label);
}

HostEntry parse_add_host(std::string_view text) {
    const auto separator = text.find_first_of(":=");
    if (separator == std::string_view::npos)
        throw option_error("--add-host", text, "expected NAME:ADDRESS", "write db:10.0.0.5");
    HostEntry entry{std::string(text.substr(0, separator)), std::string(text.substr(separator + 1))};
    auto& address = entry.address;
    if (!is_host_name(entry.name))
        throw option_error("--add-host", text, cat(quote(entry.name), " is no host name"),
                           "letters, digits, '-' and '_', with dots between the labels");
    if (address == host_gateway) return entry;
    if (address.size() > 2 && address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    if (!is_address(address))
        throw option_error("--add-host", text, cat(quote(address), " is no IP address"),
                           "write it as 10.0.0.5 or fd00::5, or host-gateway: names are not looked up");
    return entry;
}

void check_name_server(std::string_view address) {
    // An IPv6 address may name an interface: fe80::1%eth0.
    const auto percent = address.find('%');
    const auto scope = percent == std::string_view::npos ? std::string_view("x") : address.substr(percent + 1);
    if (!is_address(std::string(address.substr(0, percent))) || !is_word(scope))
        throw option_error("--dns", address, "this is no IP address", "write it as 10.0.0.1 or fd00::1");
}

void check_search_domain(std::string_view domain) {
    if (!is_word(domain) || domain.size() > 255)
        throw option_error("--dns-search", domain, "this is no domain", "write example.com, or . for none");
}

void check_resolver_option(std::string_view option) {
    if (!is_word(option))
        throw option_error("--dns-option", option, "this is no option of resolv.conf(5)", "write ndots:2 or rotate");
}

std::string dns_forward(const RunOptions& options, const HostFacts& host) {
    if (network_of(options) != Network::pasta || !options.dns.empty()) return "";
    const auto servers = read_resolver(host.resolv_conf).servers;
    const bool all_hosts = std::all_of(servers.begin(), servers.end(), is_only_the_hosts);
    const bool any_v4 = std::any_of(servers.begin(), servers.end(),
                                    [](const std::string& server) { return server.starts_with("127."); });
    // Link-local, so that it is no address of a real machine: the one that others take for this, too.
    return all_hosts && any_v4 ? "169.254.1.1" : "";
}

std::vector<EtcFile> etc_files(const ContainerSpec& spec, const RunOptions& options, const HostFacts& host) {
    const auto& hostname = spec.hostname.empty() ? host.hostname : spec.hostname;
    std::vector<EtcFile> files{
        {"/etc/hostname", hostname + "\n"},
        {"/etc/hosts", hosts_text(spec, options, host)},
        {"/etc/resolv.conf", resolver_text(options, host)},
    };
    std::erase_if(files, [&](const EtcFile& file) { return is_covered(spec, file.path); });
    return files;
}

}  // namespace minirun
