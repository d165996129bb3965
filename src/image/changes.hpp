// What a container has changed: its writable layer, told against the layers below.
//
// As `docker diff`, but for directories only what was done to themselves: one that overlayfs has copied up because
// something in it has changed is no change. The writable layer was the container's: names, depth and number of files
// are an attacker's choice. It is walked by descriptor, no link is followed, and what is remembered is bounded.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "image/overlay_attributes.hpp"
#include "minirun/findings.hpp"
#include "minirun/image.hpp"
#include "minirun/spec.hpp"

namespace minirun {

struct WritableLayer {
    int directory = -1;         ///< overlayfs's upperdir; O_PATH is enough
    std::vector<Layer> layers;  ///< those below, lowest first
    /// Absolute paths of the container that were made for it before it ran: mount points. They are no changes, as long
    /// as they are empty, nor are the directories on the way to them that hold nothing else.
    std::vector<std::string> made_for_it;
    OverlayAttributes attributes = OverlayAttributes::trusted;  ///< how its opaque directories are marked
    /// How the ids in the writable layer are those of a user namespace whose own ids the layers below have; or empty.
    std::vector<IdMapping> uids, gids;
};

/// How many of each kind find_changes() tells.
inline constexpr std::size_t most_changes = 4096;

/// A file is modified if the writable layer has it at all, a directory only if its mode or owner has changed, or if it
/// stands for something else. Left out but counted: those behind the first `most` of each kind, by path; paths that are
/// longer than 4095 bytes; what is nested more than 200 directories deep, as one for each such directory. `stop` is
/// asked now and then whether to give up; the rest then counts as one that is left out.
///
/// Throws Error if a layer below cannot be read.
Changes find_changes(const WritableLayer& layer, std::size_t most = most_changes,
                     const std::function<bool()>& stop = {});

}  // namespace minirun
