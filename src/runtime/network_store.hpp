// The networks that there are: a file for each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minirun/networks.hpp"
#include "model/bridge_network.hpp"
#include "model/paths.hpp"

namespace minirun {

/// The one that `--network bridge` means; it is made when it is first used.
inline constexpr char default_network[] = "bridge";

/// A container's networks now.
struct RecordedNetwork {
    std::string id;  ///< the container's
    NetworkRecord record;
};

/// Whoever changes something, or chooses what is not to be chosen by others, holds lock_networks().
class NetworkStore {
public:
    explicit NetworkStore(const Paths& paths) : paths_(paths) {}

    std::vector<BridgeNetwork> all() const;
    /// By its name alone.
    std::optional<BridgeNetwork> get(const std::string& name) const;
    /// By its name, its id, or the beginning of that. Throws Error: not_found; usage if several begin like that.
    BridgeNetwork find(const std::string& word) const;
    /// One that is not written down yet. Throws Error: usage, conflict.
    BridgeNetwork design(const std::string& name, const NetworkOptions& options) const;
    void write(const BridgeNetwork& network) const;
    void remove(const std::string& name) const;

    /// What is written down of all containers that have networks now.
    std::vector<RecordedNetwork> records() const;

private:
    std::string path_of(const std::string& name) const { return paths_.networks + "/" + name + ".json"; }

    Paths paths_;
};

/// Whether this kernel has IPv6.
bool has_ipv6() noexcept;

}  // namespace minirun
