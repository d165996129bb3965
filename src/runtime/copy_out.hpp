// Copies a file or a directory out of what a container has made.
//
// All of it is an attacker's choice: names, depth, links, sizes, types. So: everything by descriptor, no link is
// followed on either side, nothing is opened that could block or do something (a fifo, a device, a file of the kernel's
// own file systems), and the copy takes no more room than the original: holes stay holes, and hard links hard links.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.hpp"

namespace minirun {

/// What has been copied, and what was left out: devices, fifos, sockets, what is in /proc, /sys and their like,
/// symbolic links that lead out of the copy (see is_link_within()), what is deeper than 200 directories or has a path
/// of more than 4095 bytes, and what cannot be read.
struct CopiedOut {
    std::uint64_t files = 0;    ///< regular ones; further names of one are not counted
    std::uint64_t bytes = 0;    ///< what was written to them: without their holes
    std::uint64_t skipped = 0;  ///< a directory that is left out is one
    std::string first_skipped;  ///< its path below `source`: "/a/fifo", or "" for `source` itself
};

/// Copies `source`, a descriptor (O_PATH is enough) of a file or directory, to the new name `name` in `directory`.
/// Modes are kept without set-user-id, set-group-id and sticky bits, and times; owners, extended attributes and access
/// control lists are not: the copy belongs to this process. `stop` is asked now and then whether to give up.
///
/// Nothing is made if `source` is of a kind that is left out. Throws Error where the copy cannot be written, or `stop`
/// says so; what has been made by then stays.
CopiedOut copy_out(const Fd& source, const Fd& directory, const std::string& name, const std::function<bool()>& stop);

/// Whether a symbolic link, `depth` directories below the root of a tree, leads to a name in that tree, whatever other
/// links there are in it, if these hold to it, too: it is relative, and goes up only at its beginning, and not further
/// than to the root.
bool is_link_within(const std::string& target, int depth);

}  // namespace minirun
