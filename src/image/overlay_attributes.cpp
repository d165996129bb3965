#include "image/overlay_attributes.hpp"

#include <sys/xattr.h>

#include <initializer_list>

namespace minirun {
namespace {

// Nearly all files have no attribute at all: one call tells.
bool has_attributes(int fd) noexcept { return flistxattr(fd, nullptr, 0) > 0; }

}  // namespace

bool is_opaque(int directory) noexcept {
    return has_attributes(directory) &&
           (is_opaque(directory, OverlayAttributes::trusted) || is_opaque(directory, OverlayAttributes::user));
}

bool is_opaque(int directory, OverlayAttributes form) noexcept {
    const char* name = form == OverlayAttributes::user ? "user.overlay.opaque" : "trusted.overlay.opaque";
    char value = 0;
    return fgetxattr(directory, name, &value, 1) == 1 && value == 'y';
}

bool has_whiteout_attribute(int file) noexcept {
    return has_attributes(file) && (fgetxattr(file, "trusted.overlay.whiteout", nullptr, 0) >= 0 ||
                                    fgetxattr(file, "user.overlay.whiteout", nullptr, 0) >= 0);
}

}  // namespace minirun
