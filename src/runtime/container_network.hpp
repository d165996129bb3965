// The networks of one container: what is chosen for a run of it, and what there is while it runs.
#pragma once

#include <optional>

#include "base/fd.hpp"
#include "model/bridge_network.hpp"
#include "model/launch_request.hpp"
#include "model/paths.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {

/// Completes a request by what is chosen now, for a run that begins: addresses on its networks, which are written down
/// in the container's directory and are its own from then on; the namespace of the container whose network it joins,
/// which has to be held up to the launch. Throws Error.
Fd settle_network(const Paths& paths, LaunchRequest& request);
/// The same for a plan that is only told: nothing is written down, and no network made.
Fd foresee_network(const Paths& paths, LaunchRequest& request);

/// The container that a word means, and the network namespace that it is in. Throws Error: not_found, conflict if it
/// does not run.
struct RunningContainer {
    StoredContainer container;
    Fd network;
    std::string network_path;  ///< as long as it runs
};
RunningContainer find_running(const Paths& paths, const std::string& word);

/// An end for this attachment, on a network that is written down; under lock_networks().
NetworkEnd choose_end(const Paths& paths, const NetworkRecord& record, const NetworkAttachment& wanted,
                      const std::string& interface);

/// What a container in this directory has now.
std::optional<NetworkRecord> network_of_container(const std::string& directory);

}  // namespace minirun
