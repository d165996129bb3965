// The extended attributes by which overlayfs marks directories and files of a layer.
#pragma once

namespace minirun {

/// Whether a directory, open for reading, has trusted.overlay.opaque or user.overlay.opaque with the value "y": what
/// the layers below have in it is hidden. ("x" only tells readdir(3) to look for whiteouts by attribute.)
bool is_opaque(int directory) noexcept;

/// The same by one of the two forms alone: in a container's writable layer the other one is the container's to set.
enum class OverlayAttributes { trusted, user };
bool is_opaque(int directory, OverlayAttributes form) noexcept;

/// Whether a file, open for reading, has trusted.overlay.whiteout or user.overlay.whiteout. On a file of size 0 that is
/// a whiteout (Linux 6.7).
bool has_whiteout_attribute(int file) noexcept;

}  // namespace minirun
