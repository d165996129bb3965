// Text for people to read: wrapped, aligned, drawn. 80 columns, as the terminals that have the least.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/render.hpp"

namespace minirun {

inline constexpr std::size_t page_columns = 80;

/// How text is written to a certain place.
struct Style {
    bool colour = false;
    bool utf8 = true;  ///< lines are drawn with box characters, otherwise with - | and +
};
Style style_for(int fd);

/// Whether the locale's character set is UTF-8, by LC_ALL, LC_CTYPE or LANG: the first that is set.
bool utf8_wanted();

/// Columns on a terminal: all bytes but those that continue a character of UTF-8.
std::size_t text_width(std::string_view text);

/// Lines of at most `width` columns, broken at blanks, which are kept within a line; a word that is longer than a line
/// is broken where it must be. Never empty: an empty text is one empty line.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// "1 file", "2 files", "1,234 files".
std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural = {});

/// Puts a page together from the top.
class Page {
public:
    explicit Page(Style style) : style_(style) {}
    std::string take() { return std::move(text_); }

    /// "-- bootfs -- the kernel ----------".
    void heading(std::string_view name, std::string_view title);
    void blank();
    /// Wrapped, `indent` columns from the left.
    void paragraph(std::string_view text, std::size_t indent = 2);
    void paragraph(std::string_view text, std::size_t indent, Paint paint);
    /// Something on the left, and the text beside it from `column` on, wrapped in its own column.
    void row(std::size_t indent, std::string_view left, std::size_t column, std::string_view text, Paint paint);
    /// How far to the right the labels of fields begin from here on; 2 at first.
    void indent_fields(std::size_t columns) { field_indent_ = columns; }
    /// A label, and the text beside it.
    void field(std::string_view label, std::string_view text);
    /// The same with one item a line.
    void field(std::string_view label, const std::vector<std::string>& items);
    /// The same with the items in a row.
    void field_of_words(std::string_view label, const std::vector<std::string>& words);

    /// The column in which the text of fields begins.
    static constexpr std::size_t field_column = 19;

    /// A stack of boxes: open, then a floor between two, then close.
    void open_box();
    void floor_of_box(bool doubled = false);
    void close_box();
    /// A line in the box: bold on the left, plain at the right end.
    void box_title(std::string_view left, std::string_view right);
    void box_text(std::string_view text);

private:
    void beside(std::size_t indent, std::string_view left, std::size_t column, const std::vector<std::string>& lines,
                Paint paint);
    void box_edge(std::string_view left, std::string_view line, std::string_view right);
    void box_line(std::string_view plain, std::string_view painted);

    Style style_;
    std::size_t field_indent_ = 2;
    std::string text_;
};

}  // namespace minirun
