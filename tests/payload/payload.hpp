// minirun-payload: a static program that runs inside containers and reports what it finds there.
#pragma once

#include <cerrno>
#include <charconv>
#include <concepts>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace payload {

/// The words behind the command's name.
using Words = std::vector<std::string>;

int print_facts(const Words& wanted);
int print_attempts(const Words& attempts);
int overwrite_program_of(const Words& pid);
int attack(const Words& words);

int wait_for_ever(const Words&);
int survive(const Words&);
int ignore_signals(const Words& names);
int catch_signals(const Words& count);
int take_signals(const Words& count);
int raise_signal(const Words& name);
int watch_window_size(const Words& changes);

inline std::optional<long> to_number(std::string_view text) {
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    unsigned long number = 0;
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number, hex ? 16 : 10);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return static_cast<long>(number);
}

inline std::string error_name(int error) {
    const char* name = strerrorname_np(error);
    return name != nullptr ? name : "errno " + std::to_string(error);
}

/// "TERM" for 15, "RTMIN+2" for 36.
std::string signal_name(int signal);
/// 15 for "TERM", "SIGTERM" and "15"; ends the program for anything else.
int signal_number(const std::string& name);

/// Text for JSON. Bytes that are no UTF-8 are the reader's affair (Python's surrogateescape).
inline std::string json(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        constexpr char digits[] = "0123456789abcdef";
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (byte < 0x20)
            ((out += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
        else
            out += c;
    }
    return out += '"';
}
inline std::string json(long number) { return std::to_string(number); }
// A template, lest a pointer becomes a bool.
template <std::same_as<bool> Bool>
std::string json(Bool value) {
    return value ? "true" : "false";
}

template <class Item>
std::string json_list(const std::vector<Item>& items) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? "," : "") + json(item);
    return out + "]";
}

/// An object whose values are JSON already.
class JsonObject {
public:
    void add(std::string_view key, const std::string& value) {
        text_ += (text_.empty() ? "" : ",") + json(key) + ":" + value;
    }
    std::string text() const { return "{" + text_ + "}"; }

private:
    std::string text_;
};

}  // namespace payload
