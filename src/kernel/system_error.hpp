// A system call that failed, as an error that says why.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"

namespace minirun {

/// "cannot make a pipe: Too many open files (EMFILE)".
inline Error system_error(std::string_view what, int error, std::string hint = {}) {
    const bool denied = error == EACCES || error == EPERM;
    return Error(denied ? ErrorKind::not_permitted : ErrorKind::system,
                 cat(what, ": ", errno_text(error), " (", errno_name(error), ")"), std::move(hint), error);
}

}  // namespace minirun
