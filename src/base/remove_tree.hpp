// Removing what a container leaves behind.
#pragma once

#include <string>

namespace minirun {

/// Removes the directory at `path` with all below it. Follows no symbolic link and works at any depth: the tree was
/// written by the container. Returns 0 or the first errno, having removed what could be removed.
int remove_tree(const std::string& path) noexcept;

}  // namespace minirun
