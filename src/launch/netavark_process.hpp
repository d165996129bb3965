// Running netavark(1), which makes the interfaces and the rules of bridges, and starts aardvark-dns(1).
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/fd.hpp"

namespace minirun {

struct NetavarkPrograms {
    std::string netavark, aardvark;  ///< absolute paths
};
/// In the places where packages put them. Throws Error{unsupported} that names what is missing; aardvark-dns only
/// where `names` are wanted.
NetavarkPrograms find_netavark(bool names);

/// Of one network namespace, by network_namespace_number(): in each there is one aardvark-dns.
std::string networks_state(const std::string& state, std::uint64_t host);

/// A lock that ends with this object, whoever has a copy of its descriptor: a child that another thread has cloned
/// meanwhile has one for a while.
class NetworksLock {
public:
    explicit NetworksLock(Fd locked) : locked_(std::move(locked)) {}
    NetworksLock(const NetworksLock&) = delete;
    NetworksLock& operator=(const NetworksLock&) = delete;
    ~NetworksLock();

private:
    Fd locked_;
};

/// Held while anything is changed of networks, or addresses are chosen. `state` is the directory of all networks'
/// state, which is made. Throws Error.
NetworksLock lock_networks(const std::string& state);

struct NetavarkCall {
    const char* command;  ///< "setup", "teardown"
    std::string input;
    const Fd& network;  ///< the container's network namespace
    const Fd& host;     ///< where the bridges are
    std::string state;  ///< of all networks in there: networks_state()
};
/// Waits for its end, holding lock_networks(). Throws Error that says what it complains of.
void run_netavark(const NetavarkPrograms& programs, const NetavarkCall& call);

/// Removes what aardvark-dns has left when the last container of a network namespace is gone.
void remove_idle_state(const std::string& networks_state) noexcept;

}  // namespace minirun
