// The launch of a container that an engine drives.
#pragma once

#include <string>

#include "model/launch_request.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

/// From its config.json, as it was read from the file of this name, and what create() was told. The same `given` and
/// `made` give the same request, so that start() in another process knows the plan of create(). Throws
/// Error{bad_input}.
LaunchRequest driven_request(const ContainerRecord& record, const Made& made, ContainerSpec given,
                             const std::string& config_name);

/// What create() was told about who makes the cgroup.
void set_cgroup_manager(LaunchRequest& request, const Made& made);

/// config.md "Linux Process": what cannot be granted is no reason to fail, but is told. It is taken out.
void keep_grantable(ProcessSpec& process);

/// Of whoever started this program; what is made without a umask of its own has this one.
std::uint32_t current_umask();

/// Whether somebody else may get to see a process of minirun's before it is the container's, when it is run: where it
/// is not the first one of a pid namespace, or programs of the image run before it (startContainer hooks).
bool may_be_looked_at(const ContainerSpec& spec);

}  // namespace minirun
