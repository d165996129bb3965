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

/// On which shared networks it is to be; nothing with another network. network_setting() has checked the options.
std::optional<BridgeSetting> bridge_setting(const ImageConfig& image, const RunOptions& options);

/// One-line remarks on the ports that the image exposes.
std::vector<std::string> port_notices(const ImageConfig& image, const RunOptions& options);

}  // namespace minirun
