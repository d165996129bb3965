// The words of -v, --mount and --tmpfs as VolumeOption.
#pragma once

#include <string>
#include <string_view>

#include "minirun/run_options.hpp"

namespace minirun {

// All throw Error{usage} that names the option and its value. `cwd` is the absolute path that a relative source
// starts from; whether a source exists is not looked at.

/// -v SRC:DST[:OPTIONS], or DST alone for an anonymous volume.
VolumeOption parse_volume(std::string_view text, const std::string& cwd);

/// --mount type=bind,src=SRC,dst=DST,… with the quoting of CSV: a field with a comma in it is put in double quotes.
VolumeOption parse_mount(std::string_view text, const std::string& cwd);

/// --tmpfs DST[:OPTIONS].
VolumeOption parse_tmpfs(std::string_view text);

}  // namespace minirun
