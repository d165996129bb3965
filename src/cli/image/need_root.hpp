// What most commands of minirun-image begin with.
#pragma once

#include <unistd.h>

#include <string_view>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {

/// Throws Error{not_permitted}: "minirun COMMAND needs root, WHAT_FOR".
inline void need_root(std::string_view command, std::string_view what_for) {
    if (::geteuid() != 0)
        throw Error(ErrorKind::not_permitted, cat("minirun ", command, " needs root, ", what_for), "run it with sudo");
}

}  // namespace minirun
