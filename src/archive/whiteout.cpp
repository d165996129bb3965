#include "archive/whiteout.hpp"

#include <sys/xattr.h>

#include <cerrno>

#include "base/text.hpp"

namespace minirun {

int set_opaque(int fd) noexcept {
    return ::setxattr(cat("/proc/self/fd/", fd).c_str(), "trusted.overlay.opaque", "y", 1, 0) < 0 ? errno : 0;
}

}  // namespace minirun
