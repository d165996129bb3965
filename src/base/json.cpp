#include "base/json.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

struct Position {
    std::size_t line = 1;
    std::size_t column = 1;
};

Position position_of(std::string_view text, std::size_t byte) {
    const auto before = text.substr(0, std::min(byte, text.size()));
    const auto newline = before.rfind('\n');
    return {1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
            newline == std::string_view::npos ? before.size() + 1 : before.size() - newline};
}

// nlohmann's "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while … - REASON; last
// read: 'x'" without the parts that we say ourselves.
std::string reason_of(const std::string& what) {
    const auto colon = what.find(": ");
    auto reason = colon == std::string::npos ? what : what.substr(colon + 2);
    if (const auto dash = reason.find(" - "); dash != std::string::npos) reason = reason.substr(dash + 3);
    return printable(reason);
}

std::string type_name(const Json& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    if (value.is_string()) return "a string";
    if (value.is_boolean()) return "a boolean";
    if (value.is_number()) return cat("the number ", value.dump());
    return "null";
}

// Collects the keys of the objects that are open, to see duplicates: two parsers that pick different ones of two
// equal keys see two different containers.
class StrictCallback {
public:
    StrictCallback(const std::string& file, int max_depth) : file_(file), max_depth_(max_depth) {}

    bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
        const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
        if (opens && depth >= max_depth_)
            throw Error(ErrorKind::bad_input, cat(file_, ": more than ", max_depth_, " levels of nesting"));
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end) keys_.pop_back();
        if (event == Json::parse_event_t::key) {
            auto& keys = keys_.back();
            auto key = parsed.get<std::string>();
            if (std::find(keys.begin(), keys.end(), key) != keys.end())
                throw Error(ErrorKind::bad_input,
                            cat(file_, ": the key ", quote(key), " is there twice in one object"));
            keys.push_back(std::move(key));
        }
        return true;
    }

private:
    const std::string& file_;
    int max_depth_;
    std::vector<std::vector<std::string>> keys_;
};

}  // namespace

void Problems::add(std::string_view path, std::string_view what) { list_.push_back(cat(path, ": ", what)); }

void Problems::throw_if_any() const {
    if (list_.empty()) return;
    throw Error(ErrorKind::bad_input, cat(file_, ": ", join(list_, "; ")));
}

Json parse_json(std::string_view text, const std::string& file, int max_depth) {
    try {
        StrictCallback callback(file, max_depth);
        return Json::parse(text.begin(), text.end(), std::ref(callback));
    } catch (const Json::parse_error& error) {
        if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
            throw Error(ErrorKind::bad_input, cat(file, " is empty: expected a JSON document"));
        // nlohmann counts the byte that it read last, from 1.
        const auto at = position_of(text, error.byte > 0 ? error.byte - 1 : 0);
        throw Error(ErrorKind::bad_input, cat(file, " is not valid JSON: line ", at.line, ", column ", at.column, ": ",
                                              reason_of(error.what())));
    } catch (const Json::out_of_range& error) {
        // "[json.exception.out_of_range.406] number overflow parsing '1e999'"; where, it does not say.
        const std::string_view what = error.what();
        const auto number = what.substr(std::min(what.find('\''), what.size()));
        throw Error(ErrorKind::bad_input, cat(file, ": a number is too large: ", printable(number)));
    }
}

void JsonView::expected(std::string_view type) const {
    complain(cat("expected ", type, ", found ", type_name(*value_)));
}

JsonView JsonView::operator[](std::string_view key) const {
    const auto path = cat(path_, '.', printable(key));
    if (!exists()) return {nullptr, problems_, path};
    if (!value_->is_object()) {
        expected("an object");
        return {nullptr, problems_, path};
    }
    const auto found = value_->find(std::string(key));
    return {found == value_->end() ? nullptr : &*found, problems_, path};
}

std::vector<JsonView> JsonView::elements() const {
    std::vector<JsonView> all;
    if (!exists()) return all;
    if (!value_->is_array()) {
        expected("an array");
        return all;
    }
    for (std::size_t i = 0; i < value_->size(); i++)
        all.push_back(JsonView(&(*value_)[i], problems_, cat(path_, '[', i, ']')));
    return all;
}

std::vector<std::pair<std::string, JsonView>> JsonView::members() const {
    std::vector<std::pair<std::string, JsonView>> all;
    if (!exists()) return all;
    if (!value_->is_object()) {
        expected("an object");
        return all;
    }
    for (const auto& [key, value] : value_->items())
        all.emplace_back(key, JsonView(&value, problems_, cat(path_, '.', printable(key))));
    return all;
}

std::optional<std::string> JsonView::string() const {
    if (!exists()) return std::nullopt;
    if (!value_->is_string()) {
        expected("a string");
        return std::nullopt;
    }
    auto text = value_->get<std::string>();
    if (text.find('\0') != std::string::npos) {
        complain("the string holds a NUL byte");
        return std::nullopt;
    }
    return text;
}

std::optional<bool> JsonView::boolean() const {
    if (!exists()) return std::nullopt;
    if (!value_->is_boolean()) {
        expected("true or false");
        return std::nullopt;
    }
    return value_->get<bool>();
}

std::optional<std::int64_t> JsonView::integer() const {
    if (!exists()) return std::nullopt;
    const bool too_large = value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX;
    if (!value_->is_number_integer() || too_large) {
        expected("a whole number");
        return std::nullopt;
    }
    return value_->get<std::int64_t>();
}

std::optional<std::uint64_t> JsonView::unsigned_integer(std::uint64_t max) const {
    if (!exists()) return std::nullopt;
    if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > max) {
        expected(max == UINT64_MAX ? std::string("a whole number") : cat("a whole number from 0 to ", max));
        return std::nullopt;
    }
    return value_->get<std::uint64_t>();
}

std::optional<std::vector<std::string>> JsonView::strings() const {
    if (!exists()) return std::nullopt;
    if (!value_->is_array()) {
        expected("an array of strings");
        return std::nullopt;
    }
    std::vector<std::string> all;
    for (const auto& element : elements()) {
        if (!element.exists()) {
            element.complain("expected a string, found null");
            continue;
        }
        if (auto text = element.string()) all.push_back(std::move(*text));
    }
    return all;
}

}  // namespace minirun
