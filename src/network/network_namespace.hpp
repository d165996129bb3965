// Network namespaces as places: which one this is, where another one is, a new one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.hpp"

namespace minirun {

/// The number of the network namespace that this thread is in: no other one of this boot has it, not even a later one
/// (SO_NETNS_COOKIE, socket(7)). Before Linux 5.14 that of its inode, which can be another one's later. 0 if there is
/// none to be had.
std::uint64_t network_namespace_number() noexcept;

/// The one of that number, if anything of this machine leads there: a process, or a name in /run/netns.
Fd find_network_namespace(std::uint64_t number);

/// A new one, in which there are interfaces of these names, connected to nothing. Throws Error.
Fd make_network_namespace(const std::vector<std::string>& interfaces);

/// Does something in another namespace, in a thread of its own: this one stays where it is. Throws Error.
int in_network_namespace(const Fd& network, const std::function<int()>& act);

}  // namespace minirun
