// Small words for reading the OCI runtime specification's documents.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace minirun {

/// Whether there is an object to read. Asked once for each object, so that a wrong type is one problem and not one
/// for each of its keys.
inline bool is_there(const JsonView& view) {
    if (!view.exists() || view.is_object()) return view.exists();
    view.members();  // complains
    return false;
}

inline bool is_required(const JsonView& view) {
    if (!view.exists()) view.complain("is required");
    return view.exists();
}

/// The elements of an array of objects that are objects.
inline std::vector<JsonView> objects(const JsonView& view) {
    auto all = view.elements();
    std::erase_if(all, [](const JsonView& element) { return !is_required(element) || !is_there(element); });
    return all;
}

inline std::string required_string(const JsonView& view) {
    return is_required(view) ? view.string_or("") : std::string();
}

inline std::uint32_t u32_or(const JsonView& view, std::uint32_t fallback) {
    return static_cast<std::uint32_t>(
        view.unsigned_integer(std::numeric_limits<std::uint32_t>::max()).value_or(fallback));
}
inline std::uint32_t required_u32(const JsonView& view) { return is_required(view) ? u32_or(view, 0) : 0; }

inline std::vector<std::string> strings(const JsonView& view) {
    return view.strings().value_or(std::vector<std::string>());
}

}  // namespace minirun
