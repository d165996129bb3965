#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

namespace minirun {
namespace {

constexpr std::size_t longest_shown = 4096;  // PATH_MAX: a text from a file can have many megabytes

// The character of UTF-8 that the text begins with and its length in bytes; length 0 if it begins with none.
struct Character {
    char32_t code = 0;
    std::size_t length = 0;
};
Character first_character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    char32_t code = lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; i++) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) return {};
        code = code << 6 | (byte & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[length] || surrogate || code > 0x10ffff ? Character{} : Character{code, length};
}

// What a terminal acts on, and what makes text read in another order than it has ("Trojan Source").
bool is_harmful(char32_t code) {
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool line_end = code == 0x2028 || code == 0x2029;
    const bool direction = code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                           (code >= 0x2066 && code <= 0x2069) || code == 0x61c;
    return control || line_end || direction;
}

void append_hexadecimal(std::string& out, std::string_view bytes) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += hex[byte >> 4];
        out += hex[byte & 15];
    }
}

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
    const auto size = text.size();
    // Nearly always there is nothing to escape.
    const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '\\' && c != '\''; };
    if (size <= longest_shown && std::all_of(text.begin(), text.end(), is_plain)) {
        out += text;
        return;
    }
    while (!text.empty() && size - text.size() < longest_shown) {
        const auto [code, length] = first_character(text);
        const auto bytes = text.substr(0, std::max<std::size_t>(length, 1));
        text.remove_prefix(bytes.size());
        if (code == '\n') {
            out += "\\n";
        } else if (code == '\t') {
            out += "\\t";
        } else if (length == 0 || is_harmful(code)) {
            append_hexadecimal(out, bytes);
        } else {
            if (code == '\\' || (in_quotes && code == '\'')) out += '\\';
            out += bytes;
        }
    }
    if (!text.empty()) append(out, cat("… (", size, " bytes)"));
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

std::string upper_case(std::string_view text) {
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return upper;
}

std::string octal(unsigned mode) {
    std::string digits = "0";
    for (int shift = 9; shift >= 0; shift -= 3) {
        const auto digit = (mode >> shift) & 7;
        if (digit != 0 || digits.size() > 1 || shift == 0) digits += static_cast<char>('0' + digit);
    }
    return digits;
}

}  // namespace minirun
