// The launch of a container that an engine drives.
#pragma once

#include <string>

#include "model/launch_request.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

/// From the text of its config.json and what create() was told. The same text and `made` give the same request, so that
/// start() in another process knows the plan of create(). Throws Error{bad_input} with all that is wrong.
LaunchRequest driven_request(const ContainerRecord& record, const Made& made, const std::string& config,
                             const std::string& config_name);

/// What create() was told about who makes the cgroup.
void set_cgroup_manager(LaunchRequest& request, const Made& made);

/// config.md "Linux Process": what cannot be granted is no reason to fail, but is told. It is taken out.
void keep_grantable(ProcessSpec& process);

/// Of whoever started this program; what is made without a umask of its own has this one.
std::uint32_t current_umask();

/// Whether somebody else may get to see a process of minirun's before it is the container's, when it is run: where it
/// is not the first one of a pid namespace, or programs of the image run before it (startContainer hooks). Also true
/// where the config.json cannot be read, which is for others to say.
bool may_be_looked_at(const CreateOptions& options);

}  // namespace minirun
