// What all fuzz targets use. A target does not only look for crashes: it holds what it gets against what the header of
// the function promises, and aborts if that is broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun::fuzz {

/// Ends the program, so that the input is kept as a crasher.
inline void promise(bool kept, std::string_view what) {
    if (kept) return;
    std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

inline bool is_printable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return true;
}

/// The result of `call`, or nothing if it refuses its input: with a sentence that cannot steer a terminal, whatever the
/// input was. Any other exception ends the program.
template <class Call>
auto unless_refused(const Call& call) -> std::optional<decltype(call())> {
    try {
        return call();
    } catch (const Error& error) {
        promise(!error.message().empty(), "an error has a message");
        promise(is_printable(error.message()), "a message holds no control character");
        promise(is_printable(error.hint()), "a hint holds no control character");
    }
    return std::nullopt;
}

/// The input as texts that were joined by NUL; the last one takes the rest.
inline std::vector<std::string> texts(const std::uint8_t* data, std::size_t size, std::size_t at_most) {
    std::string_view left(reinterpret_cast<const char*>(data), size);
    std::vector<std::string> all;
    while (all.size() + 1 < at_most) {
        const auto end = left.find('\0');
        all.emplace_back(left.substr(0, end));
        if (end == std::string_view::npos) return all;
        left.remove_prefix(end + 1);
    }
    all.emplace_back(left);
    return all;
}

}  // namespace minirun::fuzz
