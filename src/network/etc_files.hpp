// /etc/hostname, /etc/hosts and /etc/resolv.conf of a container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"
#include "model/request_from_image.hpp"

namespace minirun {

/// The three files' text. One that the user mounts something on (or on a directory above it) is left out.
///
/// With the host's network they are the host's own. Otherwise nothing of the host is in them but, where there is a
/// network, those of its name servers that can be reached from there. Throws Error{usage} as
/// the checks below do.
std::vector<EtcFile> etc_files(const ContainerSpec& spec, const RunOptions& options, const HostFacts& host);

/// Where pasta lets the host's name server answer in the container if that listens on the host's loopback only; empty
/// if there are others, or none. pasta forwards nothing but UDP, which is enough for what most programs ask.
std::string dns_forward(const RunOptions& options, const HostFacts& host);

/// The line of /etc/hosts with the container's own name gets this address; those of --add-host NAME:host-gateway get
/// that one, and go if it is empty; and these are the only name servers of /etc/resolv.conf. All are texts of
/// etc_files().
void set_own_address(std::string& hosts, const std::string& address);
void set_host_gateway(std::string& hosts, const std::string& address);
void set_name_servers(std::string& resolv_conf, const std::vector<std::string>& servers);

struct HostEntry {
    std::string name, address;
    bool operator==(const HostEntry&) const = default;
};
/// --add-host "NAME:ADDRESS" or "NAME=ADDRESS"; an IPv6 address may stand in brackets, and "host-gateway" for the
/// address of this host.
HostEntry parse_add_host(std::string_view text);

/// Labels of letters, digits, '-' and '_' with dots between them, 64 bytes at most (sethostname(2)).
bool is_host_name(std::string_view text);

// --dns, --dns-search and --dns-option: each is a word of resolv.conf(5), and a line break in it would be a line.
void check_name_server(std::string_view address);
void check_search_domain(std::string_view domain);
void check_resolver_option(std::string_view option);

}  // namespace minirun
