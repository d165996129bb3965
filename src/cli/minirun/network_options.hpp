// The options of `minirun run` about the network. All throw Error that names the option and the value.
#pragma once

#include <string>

#include "minirun/run_options.hpp"

namespace minirun::network_options {

/// none, host, pasta or ns:PATH. The namespace is looked at, where that is allowed: not_found if it is not there.
void network(RunOptions& options, const std::string& text);
void publish(RunOptions& options, const std::string& text);
void mac_address(RunOptions& options, const std::string& text);

}  // namespace minirun::network_options
