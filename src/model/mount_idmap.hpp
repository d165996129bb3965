// The ids of an idmapped mount, in the forms that engines write.
#pragma once

#include "base/json_fwd.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// Turns the options "idmap=uids=0-1-10#20-21-5;gids=0-1-10" and "ridmap=…", which Podman's users know from crun(1),
/// into "idmap" and mappings: first id in the source, first one in the mount, how many. Those behind a '@' give the
/// second one as an id in the container's user namespace. `view` is the mount's JSON, for complaints.
void resolve_idmap_options(MountSpec& mount, const LinuxSpec& container, const JsonView& view);

}  // namespace minirun
