#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace minirun {
namespace {

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            if (c == '\\' || (in_quotes && c == '\'')) out += '\\';
            out += c;
        }
    }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads "12" or "12.5" from the front of text. The fraction keeps 9 digits.
struct Decimal {
    std::int64_t whole = 0;
    std::int64_t billionths = 0;
};
std::optional<Decimal> take_decimal(std::string_view& text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) n++;
    Decimal value;
    if (n > 0) {
        const auto whole = parse_number<std::int64_t>(text.substr(0, n));
        if (!whole) return std::nullopt;
        value.whole = *whole;
    }
    const bool has_whole = n > 0;
    text.remove_prefix(n);
    if (text.empty() || text[0] != '.') return has_whole ? std::optional(value) : std::nullopt;
    text.remove_prefix(1);
    n = 0;
    std::int64_t scale = 100'000'000;
    while (n < text.size() && is_digit(text[n])) {
        value.billionths += (text[n] - '0') * scale;
        scale /= 10;
        n++;
    }
    text.remove_prefix(n);
    return n > 0 ? std::optional(value) : std::nullopt;
}

// whole * unit + fraction * unit, or nothing on overflow.
std::optional<std::int64_t> scale(const Decimal& value, std::int64_t unit) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(value.whole, unit, &product)) return std::nullopt;
    const auto fraction = static_cast<std::int64_t>(static_cast<__int128>(value.billionths) * unit / 1'000'000'000);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(product, fraction, &sum)) return std::nullopt;
    return sum;
}

}  // namespace

std::string quote(std::string_view text) {
    std::string out = "'";
    append_escaped(out, text, true);
    out += '\'';
    return out;
}

std::string printable(std::string_view text) {
    std::string out;
    append_escaped(out, text, false);
    return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (const auto& part : parts) {
        if (&part != &parts.front()) out += separator;
        out += part;
    }
    return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

bool starts_with_any_of(std::string_view text, const std::vector<std::string_view>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return text.starts_with(prefix); });
}

std::optional<std::int64_t> parse_size(std::string_view text) {
    const auto value = take_decimal(text);
    if (!value) return std::nullopt;
    std::string unit(text);
    std::transform(unit.begin(), unit.end(), unit.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::string_view letters = "bkmgtp";
    if (unit.empty() || unit == "b") return scale(*value, 1);
    const auto power = letters.find(unit[0]);
    const auto rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || power == 0 || !(rest.empty() || rest == "b" || rest == "ib"))
        return std::nullopt;
    return scale(*value, std::int64_t{1} << (10 * power));
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t nanoseconds;
    };
    constexpr std::array units{Unit{"ns", 1},
                               Unit{"us", 1'000},
                               Unit{"ms", 1'000'000},
                               Unit{"s", 1'000'000'000},
                               Unit{"m", 60'000'000'000},
                               Unit{"h", 3'600'000'000'000}};
    std::int64_t total = 0;
    bool first = true;
    while (first || !text.empty()) {
        const auto value = take_decimal(text);
        if (!value) return std::nullopt;
        std::size_t n = 0;
        while (n < text.size() && !is_digit(text[n]) && text[n] != '.') n++;
        const auto name = text.substr(0, n);
        text.remove_prefix(n);
        if (name.empty() && !(first && text.empty())) return std::nullopt;
        const auto* unit = std::find_if(units.begin(), units.end(),
                                        [&](const Unit& u) { return u.name == (name.empty() ? "s" : name); });
        if (unit == units.end()) return std::nullopt;
        const auto part = scale(*value, unit->nanoseconds);
        if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
        first = false;
    }
    return total;
}

std::string human_size(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    const bool too_many_for_tenths = bytes > std::numeric_limits<std::uint64_t>::max() / 10;
    std::uint64_t tenths = too_many_for_tenths ? bytes / 1024 * 10 : bytes * 10;
    if (too_many_for_tenths) unit = 1;
    while (tenths >= 10240 && unit + 1 < units.size()) {
        tenths = (tenths + 512) / 1024;
        unit++;
    }
    if (unit == 0 || tenths >= 1000) return cat((tenths + 5) / 10, ' ', units[unit]);
    return tenths % 10 == 0 ? cat(tenths / 10, ' ', units[unit]) : cat(tenths / 10, '.', tenths % 10, ' ', units[unit]);
}

}  // namespace minirun
