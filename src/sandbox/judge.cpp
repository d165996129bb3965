#include "sandbox/judge.hpp"

#include <regex.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_of_a_line = 60;
constexpr std::size_t most_of_a_file = 256 << 20;

std::string shortened(std::string_view text) {
    return text.size() <= most_of_a_line ? quote(text) : quote(cat(text.substr(0, most_of_a_line), "…"));
}

// As a judge sees a text: lines without the blanks at their end, and no empty lines at the end of all.
std::vector<std::string> judged_lines(const std::string& text) {
    auto lines = split(text, '\n');
    for (auto& line : lines) line.resize(line.find_last_not_of(" \t\r\f\v") + 1);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
}

std::string first_difference(std::string_view what, const std::vector<std::string>& expected,
                             const std::vector<std::string>& found) {
    const auto shared = std::min(expected.size(), found.size());
    std::size_t i = 0;
    while (i < shared && expected[i] == found[i]) i++;
    if (i == shared && expected.size() == found.size()) return "";
    const auto where = cat(what, " differs in line ", i + 1, ": ");
    if (i == expected.size()) return cat(where, "expected its end, found ", shortened(found[i]));
    if (i == found.size()) return cat(where, "expected ", shortened(expected[i]), ", found its end");
    return cat(where, "expected ", shortened(expected[i]), ", found ", shortened(found[i]));
}

// A compiled pattern of regex(7).
class Pattern {
public:
    explicit Pattern(const std::string& text) {
        const int error = ::regcomp(&pattern_, text.c_str(), REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
        if (error == 0) return;
        char why[200] = {};
        ::regerror(error, &pattern_, why, sizeof why);
        throw Error(ErrorKind::bad_input, cat("the pattern ", quote(text), " is no extended regular expression: ", why),
                    "regex(7) describes them");
    }
    ~Pattern() { ::regfree(&pattern_); }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    // REG_STARTEND: there may be NUL bytes in the text.
    bool is_in(const std::string& text) const {
        regmatch_t all{0, static_cast<regoff_t>(text.size())};
        return ::regexec(&pattern_, text.data(), 1, &all, REG_STARTEND) == 0;
    }

private:
    regex_t pattern_{};
};

std::string wrong_end(const Expectation& expected, const Outcome& outcome) {
    if (!expected.status.empty() && expected.status != outcome.status)
        return cat("expected the status ", expected.status, ", got ", outcome.status, ": ", outcome.reason);
    if (!expected.status.empty() && !expected.exit_code) return "";
    const int code = expected.exit_code.value_or(0);
    const bool ended_by_itself = outcome.status == "ok" || outcome.status == "exit" || !expected.status.empty();
    if (ended_by_itself && outcome.exit_code == code) return "";
    if (outcome.status == "ok" || outcome.status == "exit")
        return cat("expected exit code ", code, ", got ", *outcome.exit_code);
    return cat(outcome.status, ": ", outcome.reason);
}

std::string wrong_text(std::string_view what, const std::optional<std::string>& exact, const std::string& pattern,
                       const std::string& found) {
    if (exact && *exact != found) {
        const auto difference = first_difference(what, split(*exact, '\n'), split(found, '\n'));
        return difference.empty() ? cat(what, " differs") : difference;
    }
    if (!pattern.empty() && !Pattern(pattern).is_in(found))
        return cat(what, " does not match the pattern ", quote(pattern));
    return "";
}

}  // namespace

void check_pattern(const std::string& pattern) { const Pattern valid(pattern); }

std::string what_is_wrong(const Expectation& expected, const Outcome& outcome) {
    if (auto wrong = wrong_end(expected, outcome); !wrong.empty()) return wrong;
    if (auto wrong = wrong_text("stdout", expected.out, expected.out_pattern, outcome.out); !wrong.empty())
        return wrong;
    if (auto wrong = wrong_text("stderr", expected.err, expected.err_pattern, outcome.err); !wrong.empty())
        return wrong;
    if (expected.out_file.empty()) return "";
    return first_difference("stdout", judged_lines(read_file(expected.out_file, most_of_a_file)),
                            judged_lines(outcome.out));
}

}  // namespace minirun
