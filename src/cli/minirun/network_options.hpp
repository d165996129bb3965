// The options of `minirun run` about the network. All throw Error that names the option and the value.
#pragma once

#include <string>
#include <string_view>

#include "minirun/run_options.hpp"

namespace minirun::network_options {

/// none, host, pasta, bridge, bridge:NAME, container:NAME or ns:PATH; several of bridge are several networks. The
/// namespace is looked at, where that is allowed: not_found if it is not there.
void network(RunOptions& options, const std::string& text);
void address4(RunOptions& options, const std::string& text);
void address6(RunOptions& options, const std::string& text);
void alias(RunOptions& options, const std::string& text);
/// `name` is the option's.
void check_network_alias(std::string_view name, const std::string& text);
void publish(RunOptions& options, const std::string& text);
void mac_address(RunOptions& options, const std::string& text);

}  // namespace minirun::network_options
