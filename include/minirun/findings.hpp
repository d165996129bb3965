// What is found out about a container that has ended, beside how it ended: opt-in, since each of these costs time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace minirun {

/// How often a seccomp filter answered a system call with an error, by the call's name; calls that have no name here
/// are one entry, "unknown". What it kills for is not among them.
using DeniedCalls = std::map<std::string, std::uint64_t>;

/// One path that a container has changed.
struct Change {
    std::string path;        ///< absolute in the container; any bytes but NUL
    std::uint32_t mode = 0;  ///< st_mode: of what is there now, or was before it was deleted
    std::uint64_t size = 0;  ///< bytes of a regular file, otherwise 0
};

/// What a container's writable layer holds, beside the layers below it.
struct Changes {
    /// Sorted by path. A directory that was deleted with all that was in it is one entry.
    std::vector<Change> added, modified, deleted;
    std::uint64_t omitted = 0;  ///< further ones, beyond how many are told
};

/// A path of a container that is to be copied to the host when it has ended.
struct ArtifactOption {
    std::string path;       ///< absolute in the container
    std::string directory;  ///< of the host: the copy is in it, under the path's last name
};

/// What became of one.
struct ArtifactResult {
    std::string path, directory;       ///< as they were asked for
    bool missing = false;              ///< there is no such path in the container
    std::uint64_t files = 0;           ///< regular files that were copied; further names of one are not counted
    std::uint64_t bytes = 0;           ///< what they hold, without their holes
    std::uint64_t skipped = 0;         ///< names that were left out: devices, links that lead out of it, …
    std::string first_skipped;         ///< one of them, below `path`
    std::optional<std::string> error;  ///< why there is no copy, otherwise
};

}  // namespace minirun
