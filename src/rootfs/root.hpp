// The root file system: an overlay of the image's layers, or a directory as it is.
#pragma once

#include "plan/builder.hpp"

namespace minirun {

/// Throws where no mount can map ids; `what` are those that would be.
void require_mapped_ids(const PlanBuilder& plan, const std::string& what);

/// Makes Slot::root, mounted at the container's directory, with the writable layer that the request asks for.
void add_root(PlanBuilder& plan);

/// --read-only for what is not read-only by being an overlay without a writable layer; then the propagation of
/// the root. After everything has been mounted into it.
void add_root_finish(PlanBuilder& plan);

/// Symbolic links dir/prefix0, dir/prefix1, … to the paths, made before the clone: names that are short enough for
/// the option string of an old mount(2). Their names relative to dir, joined as `lowerdir` wants them.
std::string add_short_names(PlanBuilder& plan, const std::string& prefix, const std::vector<std::string>& paths);

}  // namespace minirun
