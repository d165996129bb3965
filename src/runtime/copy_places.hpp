// Where `minirun cp` copies from and to, by Docker's rules for its two paths.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace minirun {

/// One of the paths, and the root in which it is looked up.
struct CopyPath {
    const Fd* root = nullptr;  ///< of a container, in which all links are resolved; null: the host's own
    std::string path;          ///< as it was given
};

struct CopySource {
    Fd file;           ///< O_PATH
    std::string name;  ///< its last name
    bool directory = false;
    bool contents = false;  ///< of a directory, what is in it: "DIR/."
};
/// With `follow` a symbolic link stands for what it leads to. Throws Error.
CopySource find_source(const CopyPath& path, bool follow);

struct CopyTarget {
    Fd directory;
    std::string name;  ///< in it; empty: the directory itself, for what is in the source
};
/// Throws Error.
CopyTarget find_target(const CopyPath& path, const CopySource& source);

}  // namespace minirun
