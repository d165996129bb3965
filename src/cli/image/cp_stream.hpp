// minirun cp with a tar archive on a standard stream in the place of a path.
#pragma once

#include <string>

#include "archive/limits.hpp"
#include "runtime/copy_files.hpp"

namespace minirun {

/// Unpacks standard input into a directory of a container; with `owners` the files are whose the archive says. Nothing
/// is in the container before the archive was read to its end. Throws Error.
CopiedFiles copy_from_stream(const std::string& container, const std::string& path, bool owners, const Limits& limits);

/// Writes a file or a directory of a container, with the owners that the container sees, to standard output. With
/// `follow` a symbolic link stands for what it leads to. Throws Error.
void copy_to_stream(const std::string& container, const std::string& path, bool follow);

}  // namespace minirun
