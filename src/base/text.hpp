// Small text helpers: building messages, quoting what came from outside, splitting.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

inline void append(std::string& out, std::string_view piece) { out.append(piece); }
inline void append(std::string& out, char piece) { out.push_back(piece); }
void append(std::string& out, std::integral auto number) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// One string of all pieces: strings, characters and whole numbers.
template <class... Pieces>
std::string cat(const Pieces&... pieces) {
    std::string out;
    (append(out, pieces), ...);
    return out;
}

/// The text in single quotes, with control characters, quotes, backslashes and bytes that are no UTF-8 escaped (\n,
/// \x1b, \'), so that a hostile name can neither forge a line of output nor steer a terminal. Of a very long one the
/// beginning.
std::string quote(std::string_view text);

/// The same escapes without the quotes: for columns and trees.
std::string printable(std::string_view text);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Parts between separators; an empty text is one empty part.
std::vector<std::string> split(std::string_view text, char separator);

bool starts_with_any_of(std::string_view text, const std::vector<std::string_view>& prefixes);

/// A whole decimal number with nothing before or behind it; nothing if it does not fit.
template <std::integral Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end || text.empty()) return std::nullopt;
    return value;
}

/// Bytes from "64m", "1.5g", "512k", "100b" or "100" (powers of 1024, either case, an optional "b" or "ib" behind
/// the letter), as Docker reads sizes; nothing if it is no such size or does not fit 63 bits.
std::optional<std::int64_t> parse_size(std::string_view text);

/// Nanoseconds from "10", "2.5", "250ms", "10s", "1m30s", "2h"; a bare number is seconds. Nothing if malformed.
std::optional<std::int64_t> parse_duration(std::string_view text);

/// "1.5 MiB", "312 B": at most one decimal, powers of 1024.
std::string human_size(std::uint64_t bytes);

/// ASCII letters only.
std::string upper_case(std::string_view text);

/// A file mode as chmod(1) takes it: "0755".
std::string octal(unsigned mode);

}  // namespace minirun
