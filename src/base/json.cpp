#include "base/json.hpp"

#include <algorithm>
#include <unordered_set>

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
std::string reason_of(std::string_view what) {
    what.remove_prefix(std::min(what.size(), what.find("] ") + 2));
    if (const auto dash = what.find(" - "); dash != std::string_view::npos) return std::string(what.substr(dash + 3));
    const auto colon = what.starts_with("parse error at") ? what.find(": ") : std::string_view::npos;
    return std::string(colon == std::string_view::npos ? what : what.substr(colon + 2));
}

std::string type_name(const Json& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    if (value.is_string()) return "a string";
    if (value.is_boolean()) return "a boolean";
    if (value.is_number()) return cat("the number ", value.dump());
    return "null";
}

// Reads a document for its form only. What two parsers could read differently is an error: of two equal keys they may
// pick different ones, and see two different containers.
class FormChecker : public Json::json_sax_t {
public:
    FormChecker(std::string_view text, const std::string& file, JsonDepth most)
        : text_(text), file_(file), most_(most) {}

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override {
        open();
        keys_.emplace_back();
        return true;
    }
    bool key(string_t& key) override {
        if (keys_.back().insert(key).second) return true;
        throw Error(ErrorKind::bad_input, cat(file_, ": the key ", quote(key), " is there twice in one object"));
    }
    bool end_object() override {
        depth_--;
        keys_.pop_back();
        return true;
    }
    bool start_array(std::size_t) override {
        open();
        return true;
    }
    bool end_array() override {
        depth_--;
        return true;
    }
    bool parse_error(std::size_t byte, const std::string&, const Json::exception& error) override {
        if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos)
            throw Error(ErrorKind::bad_input, cat(file_, " is empty: expected a JSON document"));
        // nlohmann counts the byte that it read last, from 1. It takes a NUL for the end of the text.
        const auto last = byte > 0 ? byte - 1 : 0;
        const bool is_nul = last < text_.size() && text_[last] == '\0';
        const auto at = position_of(text_, last);
        throw Error(ErrorKind::bad_input, cat(file_, " is not valid JSON: line ", at.line, ", column ", at.column, ": ",
                                              is_nul ? "a NUL byte" : printable(reason_of(error.what()))));
    }

private:
    void open() {
        if (depth_++ >= most_.most)
            throw Error(ErrorKind::bad_input, cat(file_, ": more than ", most_.most, " levels of nesting"),
                        std::string(most_.hint));
    }

    std::string_view text_;
    const std::string& file_;
    JsonDepth most_;
    int depth_ = 0;
    std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

void Problems::add(std::string_view path, std::string_view what) {
    auto problem = cat(path, ": ", what);
    // A value of a wrong type is asked for each of its keys.
    if (told_.insert(problem).second) list_.push_back(std::move(problem));
}

void Problems::throw_if_any() const {
    constexpr std::size_t most = 20;  // on a screen
    if (list_.empty()) return;
    const auto end = list_.begin() + static_cast<std::ptrdiff_t>(std::min(list_.size(), most));
    const auto rest = list_.size() > most ? cat("; and ", list_.size() - most, " more") : "";
    throw Error(ErrorKind::bad_input, cat(file_, ": ", join({list_.begin(), end}, "; "), rest));
}

Json parse_json(std::string_view text, const std::string& file, JsonDepth depth) {
    // Two passes: nlohmann's parser with a callback takes quadratic time for a long array of objects.
    FormChecker checker(text, file, depth);
    Json::sax_parse(text.begin(), text.end(), &checker);
    return Json::parse(text.begin(), text.end());
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
