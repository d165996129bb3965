#include "image/overlay_attributes.hpp"

#include <sys/xattr.h>

#include <initializer_list>

namespace minirun {

OpaqueMark opaque_mark(int directory) noexcept {
    // Nearly all directories have no attribute at all: one call tells.
    if (flistxattr(directory, nullptr, 0) <= 0) return OpaqueMark::none;
    for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
        char value = 0;
        if (fgetxattr(directory, name, &value, 1) != 1) continue;
        if (value == 'y') return OpaqueMark::opaque;
        if (value == 'x') return OpaqueMark::has_whiteouts;
    }
    return OpaqueMark::none;
}

bool has_whiteout_attribute(int file) noexcept {
    return flistxattr(file, nullptr, 0) > 0 && (fgetxattr(file, "trusted.overlay.whiteout", nullptr, 0) >= 0 ||
                                                fgetxattr(file, "user.overlay.whiteout", nullptr, 0) >= 0);
}

}  // namespace minirun
