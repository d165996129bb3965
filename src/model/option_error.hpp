// What a wrong option of the command line is told, in one form.
#pragma once

#include <string>
#include <string_view>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {

/// "--volume 'data:/data': named volumes are not supported yet".
inline Error option_error(std::string_view option, std::string_view value, std::string_view what,
                          std::string hint = {}) {
    return Error(ErrorKind::usage, cat(option, ' ', quote(value), ": ", what), std::move(hint));
}

}  // namespace minirun
