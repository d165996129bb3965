// How layers say what they delete: in an archive by names, in a directory as overlayfs wants it.
#pragma once

#include <string_view>

namespace minirun {

/// ".wh.NAME" deletes NAME (image specification, layer.md "Whiteouts").
inline constexpr std::string_view whiteout_prefix = ".wh.";
/// In a directory: what the layers below have in it is deleted.
inline constexpr std::string_view opaque_marker = ".wh..wh..opq";

/// Marks a directory opaque for overlayfs; `fd` may be open for its path only. 0 or errno.
int set_opaque(int fd) noexcept;

}  // namespace minirun
