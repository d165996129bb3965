#include "minirun/error.hpp"

namespace minirun {

int exit_code(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::command_not_found: return 127;
        case ErrorKind::cannot_execute: return 126;
        case ErrorKind::usage:
        case ErrorKind::bad_input:
        case ErrorKind::not_found:
        case ErrorKind::not_permitted:
        case ErrorKind::unsupported:
        case ErrorKind::conflict:
        case ErrorKind::system: return 125;
    }
    return 125;
}

}  // namespace minirun
