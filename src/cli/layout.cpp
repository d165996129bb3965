#include "cli/layout.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"

namespace minirun {
namespace {

constexpr std::size_t box_indent = 2;
constexpr std::size_t box_inside = page_columns - box_indent - 4;  // without the edges and a blank beside each

std::string repeated(std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; i++) append(text, piece);
    return text;
}

std::string blanks(std::size_t count) { return std::string(count, ' '); }

// The length in bytes of the first `columns` columns.
std::size_t bytes_of_columns(std::string_view text, std::size_t columns) {
    std::size_t at = 0;
    while (at < text.size() && columns > 0) {
        at++;
        while (at < text.size() && (text[at] & 0xc0) == 0x80) at++;
        columns--;
    }
    return at;
}

// Where to break a word that does not fit: behind a separator in the second half of the line, otherwise at its end.
std::size_t break_of(std::string_view word, std::size_t width) {
    const auto end = bytes_of_columns(word, width);
    const auto separator = word.substr(0, end).find_last_of(":,;/");
    return separator != std::string_view::npos && separator >= end / 2 ? separator + 1 : end;
}

}  // namespace

bool utf8_wanted() {
    for (const auto* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(variable);
        if (value == nullptr || *value == '\0') continue;
        std::string locale(value);
        std::transform(locale.begin(), locale.end(), locale.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    }
    return false;
}

Style style_for(int fd) { return {colour_wanted(fd), utf8_wanted()}; }

std::size_t text_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const auto gap = std::min(text.find_first_not_of(' '), text.size());
        text.remove_prefix(gap);
        auto word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size());
        if (word.empty()) break;
        const auto used = text_width(lines.back());
        if (used > 0 && used + gap + text_width(word) <= width) {
            append(lines.back(), cat(blanks(gap), word));
            continue;
        }
        if (used > 0) lines.emplace_back();
        while (text_width(word) > width) {
            lines.back() = word.substr(0, break_of(word, width));
            word.remove_prefix(lines.back().size());
            lines.emplace_back();
        }
        lines.back() = word;
    }
    return lines;
}

std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural) {
    auto digits = cat(count);
    for (auto at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    if (count == 1) return cat(digits, ' ', noun);
    return plural.empty() ? cat(digits, ' ', noun, 's') : cat(digits, ' ', plural);
}

void Page::blank() { append(text_, '\n'); }

void Page::heading(std::string_view name, std::string_view title) {
    const std::string_view line = style_.utf8 ? "─" : "-";
    const auto used = text_width(name) + text_width(title) + 8;
    const auto rest = repeated(line, used < page_columns ? page_columns - used : 0);
    append(text_,
           cat(painted(repeated(line, 2), Paint::dim, style_.colour), ' ', painted(name, Paint::bold, style_.colour),
               ' ', painted(repeated(line, 2), Paint::dim, style_.colour), ' ', title, ' ',
               painted(rest, Paint::dim, style_.colour), '\n'));
}

void Page::paragraph(std::string_view text, std::size_t indent) {
    for (const auto& line : wrapped(text, page_columns - indent)) append(text_, cat(blanks(indent), line, '\n'));
}

void Page::paragraph(std::string_view text, std::size_t indent, Paint paint) {
    for (const auto& line : wrapped(text, page_columns - indent))
        append(text_, cat(blanks(indent), painted(line, paint, style_.colour), '\n'));
}

void Page::beside(std::size_t indent, std::string_view left, std::size_t column, const std::vector<std::string>& lines,
                  Paint paint) {
    const auto used = indent + text_width(left);
    append(text_, cat(blanks(indent), painted(left, paint, style_.colour)));
    append(text_, used + 1 > column ? cat('\n', blanks(column)) : blanks(column - used));
    for (const auto& line : lines) {
        if (&line != &lines.front()) append(text_, blanks(column));
        append(text_, cat(line, '\n'));
    }
}

void Page::row(std::size_t indent, std::string_view left, std::size_t column, std::string_view text, Paint paint) {
    beside(indent, left, column, wrapped(text, page_columns - column), paint);
}

void Page::field(std::string_view label, std::string_view text) {
    row(field_indent_, label, field_column, text, Paint::cyan);
}

void Page::field(std::string_view label, const std::vector<std::string>& items) {
    std::vector<std::string> lines;
    for (const auto& item : items)
        for (auto& line : wrapped(item, page_columns - field_column)) lines.push_back(std::move(line));
    beside(field_indent_, label, field_column, lines, Paint::cyan);
}

void Page::field_of_words(std::string_view label, const std::vector<std::string>& words) {
    field(label, std::string_view(words.empty() ? "none" : join(words, " ")));
}

void Page::open_box() { style_.utf8 ? box_edge("┌", "─", "┐") : box_edge("+", "-", "+"); }
void Page::floor_of_box(bool doubled) {
    if (doubled)
        style_.utf8 ? box_edge("╞", "═", "╡") : box_edge("+", "=", "+");
    else
        style_.utf8 ? box_edge("├", "─", "┤") : box_edge("+", "-", "+");
}
void Page::close_box() { style_.utf8 ? box_edge("└", "─", "┘") : box_edge("+", "-", "+"); }

void Page::box_edge(std::string_view left, std::string_view line, std::string_view right) {
    append(text_, cat(blanks(box_indent), left, repeated(line, box_inside + 2), right, '\n'));
}

void Page::box_line(std::string_view plain, std::string_view painted_text) {
    const std::string_view edge = style_.utf8 ? "│" : "|";
    const auto width = text_width(plain);
    append(text_, cat(blanks(box_indent), edge, ' ', painted_text, blanks(width < box_inside ? box_inside - width : 0),
                      ' ', edge, '\n'));
}

void Page::box_title(std::string_view left, std::string_view right) {
    const auto lines = wrapped(left, box_inside - text_width(right) - 2);
    for (const auto& line : lines) {
        const bool first = &line == &lines.front();
        const auto gap = blanks(box_inside - text_width(line) - text_width(right));
        const auto behind = first ? cat(gap, right) : std::string();
        box_line(cat(line, behind), cat(painted(line, Paint::bold, style_.colour), behind));
    }
}

void Page::box_text(std::string_view text) {
    for (const auto& line : wrapped(text, box_inside - 2)) box_line(cat("  ", line), cat("  ", line));
}

}  // namespace minirun
