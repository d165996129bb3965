// This terminal as the container's.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "minirun/containers.hpp"

namespace minirun {

/// ctrl-p, ctrl-q.
inline constexpr const char* default_detach_keys = "\x10\x11";

struct AttachSetting {
    std::string id;
    bool tty = false;                               ///< the terminal here is in raw mode meanwhile
    bool input = false;                             ///< standard input is passed on
    bool ends_input = false;                        ///< its end, too
    bool signals = true;                            ///< what this process is sent is passed on
    std::string detach_keys = default_detach_keys;  ///< typed in a row they leave the container to itself
};

/// What the container was made for. Throws Error{usage} if it has a terminal, and there is none here.
AttachSetting attach_setting_of(const ContainerDetails& container);

/// "ctrl-p,ctrl-q" as the bytes that a terminal sends. Throws Error{usage}.
std::string detach_keys_value(const std::string& text);

/// Until the container ends, or the keys are typed. The container's exit code; 0 if it was left to itself.
int attach_to(Fd connection, const AttachSetting& setting);

}  // namespace minirun
