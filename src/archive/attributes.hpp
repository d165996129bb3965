// Which extended attributes of files belong to an image.
#pragma once

#include <string_view>

namespace minirun {

/// Those that mean the same on every machine. Never overlayfs's own: they could redirect to what is not in the image.
inline bool is_kept_attribute(std::string_view name) {
    return (name.starts_with("user.") && !name.starts_with("user.overlay.")) || name == "security.capability" ||
           name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

}  // namespace minirun
