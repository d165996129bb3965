// Paths as text: nothing here looks at a file system.
#pragma once

#include <string>
#include <string_view>

namespace minirun {

/// An absolute path without "//", "." and ".."; ".." at the root stays there. A path that is relative is taken as if
/// it began at "/".
std::string clean_path(std::string_view path);

/// The same for a path that may be relative to the absolute path `directory`.
std::string absolute_path(std::string_view path, std::string_view directory);

/// Whether the clean path `path` is `directory` or something below it.
bool is_at_or_below(std::string_view path, std::string_view directory);

}  // namespace minirun
