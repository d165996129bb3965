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
/// With the host's network they are the host's own, otherwise nothing of the host is in them. Throws Error{usage} as
/// the checks below do.
std::vector<EtcFile> etc_files(const ContainerSpec& spec, const RunOptions& options, const HostFacts& host);

struct HostEntry {
    std::string name, address;
    bool operator==(const HostEntry&) const = default;
};
/// --add-host "NAME:ADDRESS" or "NAME=ADDRESS"; an IPv6 address may stand in brackets.
HostEntry parse_add_host(std::string_view text);

/// Labels of letters, digits, '-' and '_' with dots between them, 64 bytes at most (sethostname(2)).
bool is_host_name(std::string_view text);

// --dns, --dns-search and --dns-option: each is a word of resolv.conf(5), and a line break in it would be a line.
void check_name_server(std::string_view address);
void check_search_domain(std::string_view domain);
void check_resolver_option(std::string_view option);

}  // namespace minirun
