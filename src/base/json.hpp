// Strict reading of JSON: every complaint names the file and the path of the key.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/json_fwd.hpp"

namespace minirun {

/// Problems found in one document, each "PATH: what is wrong". Readers go on after a problem, so that a user
/// sees all of them at once; throw_if_any() ends the reading.
class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}
    void add(std::string_view path, std::string_view what);
    bool empty() const noexcept { return list_.empty(); }
    const std::vector<std::string>& list() const noexcept { return list_; }
    const std::string& file() const noexcept { return file_; }
    /// Throws Error{bad_input} with the file and all problems, if there are any.
    void throw_if_any() const;

private:
    std::string file_;
    std::vector<std::string> list_;
    std::unordered_set<std::string> told_;
};

/// Parses a document. A syntax error is Error{bad_input} with file, line and column; so are more levels of nesting than
/// `depth` says, a duplicate key, and bytes after the end. `file` is what messages call the document.
Json parse_json(std::string_view text, const std::string& file, JsonDepth depth = {});

/// A place in a document: the value (or its absence), its path (".process.args[0]"), and where to complain.
///
/// A key that is absent or null reads as "not there"; a value of another type is a problem and reads as not
/// there. So `view["a"]["b"].string()` is safe whatever the document holds.
class JsonView {
public:
    JsonView(const Json& root, Problems& problems) : value_(&root), problems_(&problems) {}

    bool exists() const noexcept { return value_ != nullptr && !value_->is_null(); }
    explicit operator bool() const noexcept { return exists(); }
    const Json& json() const { return *value_; }
    /// ".process.args[0]"; "." for the document itself.
    std::string path() const { return path_.empty() ? "." : path_; }
    void complain(std::string_view what) const { problems_->add(path(), what); }

    /// The member of an object. Complains if this exists and is no object.
    JsonView operator[](std::string_view key) const;
    /// The elements of an array, or none. Complains if this exists and is no array.
    std::vector<JsonView> elements() const;
    /// The members of an object, or none. Complains if this exists and is no object.
    std::vector<std::pair<std::string, JsonView>> members() const;

    std::optional<std::string> string() const;
    std::optional<bool> boolean() const;
    std::optional<std::int64_t> integer() const;
    /// A whole number from 0 to `max`.
    std::optional<std::uint64_t> unsigned_integer(std::uint64_t max = UINT64_MAX) const;
    std::optional<std::vector<std::string>> strings() const;

    std::string string_or(std::string_view fallback) const { return string().value_or(std::string(fallback)); }
    bool boolean_or(bool fallback) const { return boolean().value_or(fallback); }

    bool is_object() const noexcept { return exists() && value_->is_object(); }
    bool is_array() const noexcept { return exists() && value_->is_array(); }
    bool is_string() const noexcept { return exists() && value_->is_string(); }

private:
    JsonView(const Json* value, Problems* problems, std::string path)
        : value_(value), problems_(problems), path_(std::move(path)) {}
    void expected(std::string_view type) const;

    const Json* value_ = nullptr;
    Problems* problems_ = nullptr;
    std::string path_;
};

}  // namespace minirun
