// The extended attributes by which overlayfs marks directories and files of a layer.
#pragma once

namespace minirun {

enum class OpaqueMark {
    none,
    opaque,         ///< "y": what the layers below have in this directory is hidden
    has_whiteouts,  ///< "x": zero-size files in it with the attribute overlay.whiteout are whiteouts (Linux 6.7)
};
/// Reads trusted.overlay.opaque or user.overlay.opaque. `directory` is open for reading, not O_PATH.
OpaqueMark opaque_mark(int directory) noexcept;

/// Whether a file, open for reading, has trusted.overlay.whiteout or user.overlay.whiteout.
bool has_whiteout_attribute(int file) noexcept;

}  // namespace minirun
