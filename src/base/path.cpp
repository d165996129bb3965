#include "base/path.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace minirun {

std::string clean_path(std::string_view path) {
    std::string clean;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        const auto part = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (const auto slash = clean.rfind('/'); slash != std::string::npos) clean.erase(slash);
            continue;
        }
        append(clean, '/');
        append(clean, part);
    }
    return clean.empty() ? "/" : clean;
}

std::string absolute_path(std::string_view path, std::string_view directory) {
    return path.starts_with('/') ? clean_path(path) : clean_path(cat(directory, '/', path));
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
    if (directory == "/") return path.starts_with('/');
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace minirun
