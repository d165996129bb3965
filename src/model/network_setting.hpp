// What the options say of a container's network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// Ports to publish take pasta, unless another network is asked for; otherwise there is none.
inline RunOptions::Network network_of(const RunOptions& options) {
    const bool publishes = options.publish_all || !options.publish.empty();
    return options.network.value_or(publishes ? RunOptions::Network::pasta : RunOptions::Network::none);
}

/// What pasta is to do; nothing with another network. Throws Error{usage} for options that the network cannot have.
std::optional<NetworkSetting> network_setting(const ImageConfig& image, const RunOptions& options,
                                              const std::string& container_dir);

/// One-line remarks on the ports that the image exposes.
std::vector<std::string> port_notices(const ImageConfig& image, const RunOptions& options);

}  // namespace minirun
