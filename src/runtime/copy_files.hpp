// Copies files between the host and a container, over what is there.
//
// Either side may change while it is read or written, by who wants to lead the copy elsewhere. So: names are looked up
// one by one in directories that are held open, no link is followed, and what was opened is what counts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "base/fd.hpp"

namespace minirun {

struct CopyRules {
    /// Of a file's owner and group those of its copy; without it the copy belongs to whom this process makes files as,
    /// and is neither set-user-id nor set-group-id.
    std::function<std::pair<uid_t, gid_t>(uid_t, gid_t)> owners;
    /// Directories of the source, by their paths below it, that say nothing of a directory which is there already.
    std::set<std::string> only_places;
};

/// What was left out: devices, sockets, what is in /proc, /sys and their like.
struct CopiedFiles {
    std::uint64_t skipped = 0;
    std::string first_skipped;  ///< its path below the source; "" for that itself
};

/// Copies `source`, a descriptor (O_PATH is enough), to the name `name` in `directory`. A file there is replaced in one
/// step; a directory into a directory is merged. With an empty name what is in the directory `source` goes into
/// `directory`. Throws Error, and Interrupted (base/interruption).
CopiedFiles copy_files(const Fd& source, const Fd& directory, const std::string& name, const CopyRules& rules);

}  // namespace minirun
