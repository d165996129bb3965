// The keys of linux.sysctl: which file below /proc/sys one means, and which namespace keeps it from the host.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "minirun/spec.hpp"

namespace minirun {

/// "net.ipv4.ip_forward" -> "net/ipv4/ip_forward"; both forms of sysctl.d(5): when the first separator is a slash,
/// dots are part of a name, otherwise a slash stands for a dot in a name ("net.ipv4.conf.eth0/1.forwarding").
/// Nothing for a key with an empty, "." or ".." part: such a path could leave the part of the tree that was checked.
std::optional<std::string> sysctl_path(std::string_view key);

/// The namespace type that has its own instance of a sysctl, by sysctl_path(); nothing if writing it would change
/// the host.
std::optional<NamespaceType> sysctl_namespace(std::string_view path);

}  // namespace minirun
