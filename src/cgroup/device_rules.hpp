// Which devices a container may use, as rules.
//
// A later rule wins over an earlier one, for each of read, write and mknod by itself; what no rule speaks of is denied.
#pragma once

#include <string>
#include <vector>

#include "minirun/resources.hpp"

namespace minirun {

/// The rules of a config.json and then those of every container: its usual devices may be used (null, zero, full,
/// random, urandom, tty, console, ptmx and the terminals behind it), and nodes of any may be made, since a node alone
/// opens nothing. No rules at all stay none: then the cgroup does not look at devices.
std::vector<DeviceRule> with_default_devices(std::vector<DeviceRule> rules);

/// "c 1:3 rwm", with "*" for each; as cgroup v1 and Docker's --device-cgroup-rule write it. "a" is every device.
std::string device_rule_text(const DeviceRule& rule);

/// A line of devices.allow or devices.deny of cgroup v1.
struct DeviceLine {
    bool allow;
    std::string text;
    bool operator==(const DeviceLine&) const = default;
};
/// What makes a cgroup of v1 keep the rules. v1 knows one default and exceptions from it, so the rules are worked out
/// to that. Throws Error{unsupported} for rules that have no such form (all of one kind but one): v1 would ignore the
/// second silently. `where` is what the message calls the rules.
std::vector<DeviceLine> device_lines(const std::vector<DeviceRule>& rules, const std::string& where);

}  // namespace minirun
