// How images are told of: sizes, times and tables as Docker prints them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.hpp"

namespace minirun {

/// "5.01MB": decimal units, three digits.
std::string decimal_size(std::uint64_t bytes);

/// "2 weeks ago" of seconds since 1970; "N/A" of 0.
std::string ago(std::int64_t then);

/// "{{.ID}} {{.Tag}}" with the values of these fields, and \\t and \\n as Go templates have them. Throws Error{usage}
/// for anything else in braces. ".A.B" is a field of a field; texts are as they are, all else is JSON, and so is what
/// stands behind "json". `others` is what messages tell of that may be in the place of a text.
std::string fill_in(std::string_view format, const Json& fields, std::string_view others = "table, json, or ");

/// Columns as wide as their widest cell, three blanks between them.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// The same, filled cell by cell: without a string for each of hundreds of rows.
class Table {
public:
    void add(std::string_view cell);
    void end_row();
    std::string text() const;

private:
    struct Cell {
        std::uint32_t end, width;  ///< in cells_, and in columns
    };
    std::string cells_;
    std::vector<Cell> ends_;
    std::vector<std::size_t> widths_;  ///< of columns
    std::size_t column_ = 0;
};

}  // namespace minirun
