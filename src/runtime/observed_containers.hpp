// What can be seen of all containers, of which there may be hundreds.
//
// To look at one takes 0.15 ms: two JSON documents, two processes, a lock, a cgroup. So what was seen is kept in one
// file of the state directory, and of a container whose directory has not changed since it is taken from there. All
// that makes a difference is an entry of that directory which is made, replaced or removed, and that changes its time:
// container.json, state.json, the links of the supervisor and the process; who pauses it says so (note_change()).
// Nothing but the death of its supervisor is silent, and that is asked for each time (SupervisionMarks). Whatever is
// about to change by itself is not kept: what is paused, waits for its next start, has health checks, or is not marked.
//
// The file is a cache: written in one step by whoever lists, and of no account when it is damaged, of another form, or
// gone.
#pragma once

#include <functional>
#include <vector>

#include "minirun/containers.hpp"
#include "model/paths.hpp"

namespace minirun {

/// Shows all of them, the newest first, until `see` returns false. What it is shown is there until it returns. Those
/// whose supervisor was killed are ended (StoredContainer::observe).
void observe_each(const Paths& paths, const std::function<bool(const ContainerSummary&)>& see);
/// All of them.
std::vector<ContainerSummary> observe_all(const Paths& paths);

/// Tells the next who lists that a container is to be looked at again, since something about it has changed that is not
/// in its directory.
void note_change(const std::string& directory) noexcept;

}  // namespace minirun
