#include "cli/minirun/test_list.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "minirun/error.hpp"
#include "sandbox/judge.hpp"

namespace minirun {
namespace {

constexpr std::string_view placeholder = "{}";

std::vector<std::string> command_for(const std::vector<std::string>& command, const std::string& name) {
    auto words = command;
    bool used = false;
    for (auto& word : words)
        for (std::size_t at = 0; (at = word.find(placeholder, at)) != std::string::npos; at += name.size()) {
            word.replace(at, placeholder.size(), name);
            used = true;
        }
    if (!used) words.push_back(name);
    return words;
}

// ---- One JSON line. Each key has a reader.

std::optional<std::int64_t> size_of(const JsonView& value) {
    if (!value.is_string()) return value.integer();
    const auto size = parse_size(value.string_or(""));
    if (!size) value.complain("no size: 64m, 1.5g, 4096");
    return size;
}

std::optional<std::chrono::nanoseconds> duration_of(const JsonView& value) {
    const auto text = value.is_string() ? value.string_or("") : value.exists() ? value.json().dump() : "";
    const auto time = parse_duration(text);
    if (time && *time > 0) return std::chrono::nanoseconds(*time);
    value.complain("no time: 2.5, 250ms, 1m30s");
    return std::nullopt;
}

std::string pattern_of(const JsonView& value) {
    auto pattern = value.string_or("");
    try {
        check_pattern(pattern);
    } catch (const Error& error) {
        value.complain(error.message());
    }
    return pattern;
}

void read_env(TestCase& test, const JsonView& value) {
    for (const auto& [name, one] : value.members()) test.env.push_back(cat(name, '=', one.string_or("")));
}

void read_exit(TestCase& test, const JsonView& value) {
    const auto code = value.unsigned_integer(255);
    if (code) test.expected.exit_code = static_cast<int>(*code);
}

void read_status(TestCase& test, const JsonView& value) {
    constexpr std::array<std::string_view, 10> known{"ok",  "exit",         "signal",     "timeout", "cpu-timeout",
                                                     "oom", "output-limit", "pids-limit", "denied",  "setup-error"};
    test.expected.status = value.string_or("");
    if (std::find(known.begin(), known.end(), test.expected.status) == known.end())
        value.complain(cat("no status of a report: ", quote(test.expected.status)));
}

struct Key {
    std::string_view name;
    void (*read)(TestCase& test, const JsonView& value);
};
constexpr Key keys[] = {
    {"name", [](TestCase& test, const JsonView& value) { test.name = value.string_or(""); }},
    {"argv", [](TestCase& test, const JsonView& value) { test.arguments = value.strings().value_or(test.arguments); }},
    {"stdin", [](TestCase& test, const JsonView& value) { test.input = value.string(); }},
    {"env", read_env},
    {"timeout", [](TestCase& test, const JsonView& value) { test.timeout = duration_of(value); }},
    {"cpu-time", [](TestCase& test, const JsonView& value) { test.cpu_time = duration_of(value); }},
    {"memory", [](TestCase& test, const JsonView& value) { test.memory = size_of(value); }},
    {"pids-limit", [](TestCase& test, const JsonView& value) { test.pids_limit = value.integer(); }},
    {"output-limit",
     [](TestCase& test, const JsonView& value) {
         if (const auto size = size_of(value)) test.output_limit = static_cast<std::uint64_t>(*size);
     }},
    {"exit", read_exit},
    {"status", read_status},
    {"stdout", [](TestCase& test, const JsonView& value) { test.expected.out = value.string(); }},
    {"stdout-regex", [](TestCase& test, const JsonView& value) { test.expected.out_pattern = pattern_of(value); }},
    {"stdout-file", [](TestCase& test, const JsonView& value) { test.expected.out_file = value.string_or(""); }},
    {"stderr", [](TestCase& test, const JsonView& value) { test.expected.err = value.string(); }},
    {"stderr-regex", [](TestCase& test, const JsonView& value) { test.expected.err_pattern = pattern_of(value); }},
};

const Key* find_key(const std::string& name) {
    const auto* key = std::find_if(std::begin(keys), std::end(keys), [&](const Key& one) { return one.name == name; });
    return key == std::end(keys) ? nullptr : key;
}

void complain_of_key(const JsonView& value) {
    std::vector<std::string_view> names;
    for (const auto& key : keys) names.push_back(key.name);
    const auto near = nearest_word(value.path().substr(1), names);
    value.complain(near.empty() ? "no key of a test" : cat("no key of a test; did you mean ", near, "?"));
}

TestCase json_test(const std::string& line, const std::string& where, const std::vector<std::string>& command) {
    const auto json = parse_json(line, where);
    Problems problems(where);
    const JsonView view(json, problems);
    TestCase test;
    for (const auto& [name, value] : view.members()) {
        if (const auto* key = find_key(name))
            key->read(test, value);
        else
            complain_of_key(value);
    }
    problems.throw_if_any();
    if (test.name.empty()) test.name = join(test.arguments, " ");
    if (test.name.empty()) throw Error(ErrorKind::bad_input, cat(where, ": the test has neither a name nor an argv"));
    if (test.arguments.empty()) test.arguments = command_for(command, test.name);
    return test;
}

}  // namespace

std::vector<TestCase> read_tests(const std::string& text, const std::string& where,
                                 const std::vector<std::string>& command) {
    std::vector<TestCase> tests;
    std::size_t number = 0;
    for (auto& line : split(text, '\n')) {
        number++;
        if (line.ends_with('\r')) line.pop_back();
        if (line.find_first_not_of(" \t") == std::string::npos) continue;
        const auto place = cat(where, " line ", number);
        if (line.find('\0') != std::string::npos)
            throw Error(ErrorKind::bad_input, cat(place, ": there is a NUL byte"));
        if (line.starts_with('{') && line != placeholder) {
            tests.push_back(json_test(line, place, command));
            continue;
        }
        TestCase test;
        test.arguments = command_for(command, line);
        test.name = std::move(line);
        tests.push_back(std::move(test));
    }
    return tests;
}

std::vector<TestCase> selected(std::vector<TestCase> tests, const Selection& selection) {
    std::vector<TestCase> chosen;
    for (std::size_t i = selection.shard - 1; i < tests.size(); i += selection.shards)
        for (std::size_t k = 1; k <= selection.repeat; k++) {
            chosen.push_back(tests[i]);
            if (selection.repeat > 1) chosen.back().name += cat(" (", k, '/', selection.repeat, ')');
        }
    if (!selection.seed) return chosen;
    // By hand: what std::shuffle makes of a seed is each library's own affair.
    std::mt19937_64 engine(*selection.seed);
    for (std::size_t i = chosen.size(); i > 1; i--) std::swap(chosen[i - 1], chosen[engine() % i]);
    return chosen;
}

}  // namespace minirun
