// Networks that containers share: bridges.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace minirun {

/// A range of addresses, and the one of them that is the host's.
struct Subnet {
    std::string range;    ///< "10.90.0.0/24", "fd12:3456:789a::/64"
    std::string gateway;  ///< "10.90.0.1"
    bool operator==(const Subnet&) const = default;
};

/// A bridge of the host. It is there as long as a container is on it.
struct BridgeNetwork {
    std::string name;
    std::string id;         ///< 64 hex digits
    std::string created;    ///< RFC 3339
    std::string interface;  ///< of the host
    std::vector<Subnet> subnets;
    bool internal = false;  ///< no way out, and none in
    bool names = true;      ///< its containers find each other by name
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> options;  ///< of netavark(1): "mtu", "isolate"
};

/// A container's end of one.
struct NetworkEnd {
    BridgeNetwork network;
    std::string interface;               ///< in the container: "eth0"
    std::vector<std::string> addresses;  ///< one of each subnet
    std::string mac_address;
    std::vector<std::string> aliases;  ///< by which the others find it, beside its name
    int port = 0;                      ///< the number of the host's interface that it is connected to; 0: not known
};

/// What a network is made as.
struct NetworkOptions {
    std::vector<Subnet> subnets;  ///< without a gateway: the first address; none: one of IPv4 that is free
    bool ipv6 = false;            ///< one of IPv6, too, if none is given
    bool internal = false;
    bool names = true;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> options;  ///< BridgeNetwork::options
};

/// A container on a network.
struct NetworkMember {
    std::string id, name;  ///< the container's
    NetworkEnd end;
};

/// How a container is connected to one.
struct ConnectOptions {
    std::string address4, address6;  ///< empty: one that is free
    std::vector<std::string> aliases;
};

/// In the place that the environment names (MINIRUN_ROOT). All throw Error: not_found, conflict where something is in
/// use.
class Networks {
public:
    /// Makes one. Its bridge comes with the first container.
    BridgeNetwork create(const std::string& name, const NetworkOptions& options) const;
    /// In the order of their names.
    std::vector<BridgeNetwork> list() const;
    /// By its name, its id, or the beginning of that.
    BridgeNetwork find(const std::string& word) const;
    /// The containers that are on it now.
    std::vector<NetworkMember> members(const std::string& name) const;
    /// Throws Error{conflict} if a container is on it, or is to be.
    void remove(const std::string& word) const;
    /// A container that runs at once, and whenever it is started.
    void connect(const std::string& network, const std::string& container, const ConnectOptions& options) const;
    /// The reverse.
    void disconnect(const std::string& network, const std::string& container) const;
};

}  // namespace minirun
