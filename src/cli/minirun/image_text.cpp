#include "cli/minirun/image_text.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <numeric>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/layout.hpp"
#include "model/option_error.hpp"

namespace minirun {

std::string decimal_size(std::uint64_t bytes) {
    constexpr std::string_view units[] = {"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < std::size(units)) {
        value /= 1000;
        unit++;
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return cat(text, units[unit]);
}

std::string ago(std::int64_t then) {
    const std::int64_t seconds = std::time(nullptr) - then;
    if (then == 0) return "N/A";
    constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour, week = 7 * day, month = 30 * day,
                           year = 365 * day;
    if (seconds < 1) return "Less than a second ago";
    if (seconds < minute) return cat(seconds, seconds == 1 ? " second ago" : " seconds ago");
    if (seconds < 2 * minute) return "About a minute ago";
    if (seconds < hour) return cat(seconds / minute, " minutes ago");
    if (seconds < 2 * hour) return "About an hour ago";
    if (seconds < 2 * day) return cat(seconds / hour, " hours ago");
    if (seconds < 2 * week) return cat(seconds / day, " days ago");
    if (seconds < 2 * month) return cat(seconds / week, " weeks ago");
    if (seconds < 2 * year) return cat(seconds / month, " months ago");
    return cat(seconds / year, " years ago");
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    Table table;
    for (const auto& row : rows) {
        for (const auto& cell : row) table.add(cell);
        table.end_row();
    }
    return table.text();
}

void Table::add(std::string_view cell) {
    const auto width = text_width(cell);
    if (column_ == widths_.size()) widths_.push_back(0);
    widths_[column_] = std::max(widths_[column_], width);
    column_++;
    cells_ += cell;
    ends_.push_back({static_cast<std::uint32_t>(cells_.size()), static_cast<std::uint32_t>(width)});
}

void Table::end_row() { column_ = 0; }

// All rows have as many cells as the first.
std::string Table::text() const {
    constexpr std::size_t gap = 3;
    const auto columns = widths_.size();
    std::string text;
    text.reserve(ends_.size() / columns *
                 (std::accumulate(widths_.begin(), widths_.end(), std::size_t{1}) + gap * columns));
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); i++) {
        text.append(cells_, begin, ends_[i].end - begin);
        begin = ends_[i].end;
        const auto column = i % columns;
        if (column + 1 == columns)
            text += '\n';
        else
            text.append(widths_[column] + gap - ends_[i].width, ' ');
    }
    return text;
}

namespace {

// ".Config.User" of `fields`; null if there is none.
const Json* field_of(const Json& fields, std::string_view path) {
    const Json* field = path.starts_with('.') && path.size() > 1 ? &fields : nullptr;
    while (field != nullptr && !path.empty()) {
        const auto name = path.substr(1, path.find('.', 1) - 1);
        path.remove_prefix(name.size() + 1);
        const auto found = field->find(std::string(name));
        field = found == field->end() ? nullptr : &*found;
    }
    return field;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

}  // namespace

std::string fill_in(std::string_view format, const Json& fields, std::string_view others) {
    std::vector<std::string> known;
    for (const auto& [key, value] : fields.items()) known.push_back("." + key);
    const auto refuse = [&](std::string_view name) {
        throw option_error("--format", format, cat("no field ", quote(name)),
                           cat(others, "a text with {{…}} of ", join(known, ", ")));
    };
    if (format.find("{{") == std::string_view::npos) refuse("");
    std::string text;
    for (std::size_t i = 0; i < format.size(); i++) {
        if (format[i] == '\\' && i + 1 < format.size() && (format[i + 1] == 't' || format[i + 1] == 'n')) {
            text += format[++i] == 't' ? '\t' : '\n';
            continue;
        }
        if (format.substr(i, 2) != "{{") {
            text += format[i];
            continue;
        }
        const auto end = format.find("}}", i);
        auto name = trimmed(format.substr(i + 2, end == std::string_view::npos ? end : end - i - 2));
        const bool as_json = name.starts_with("json ");
        if (as_json) name = trimmed(name.substr(5));
        const auto* const field = field_of(fields, name);
        if (end == std::string_view::npos || field == nullptr) refuse(name);
        text += field->is_string() && !as_json ? field->get<std::string>() : field->dump();
        i = end + 1;
    }
    return text;
}

}  // namespace minirun
