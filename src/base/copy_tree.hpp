// A directory copied with all that makes a layer: owners, modes, times, attributes, hard links, devices, whiteouts.
#pragma once

#include <string>

namespace minirun {

/// Makes `to`, which must not be there, a copy of the directory `from`. Neither its files nor their pages in memory are
/// shared with it; blocks on disk are, where the file system can (ioctl_ficlone(2)). Symbolic links stay what they are.
///
/// Throws Error that names the file. What has been copied by then stays.
void copy_tree(const std::string& from, const std::string& to);

/// The same, but only the directories are new: all else in them are further names of the files of `from`.
void link_tree(const std::string& from, const std::string& to);

}  // namespace minirun
