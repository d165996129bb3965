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

// A text line by line, without a copy of it: a hostile one has millions.
class Lines {
public:
    /// `as_judges`: without the blanks at the end of lines and the empty lines at the end of all.
    Lines(std::string_view text, bool as_judges) : rest_(text), as_judges_(as_judges) {
        if (as_judges) rest_ = rest_.substr(0, rest_.find_last_not_of(" \t\r\f\v\n") + 1);
        ended_ = as_judges && rest_.empty();
    }
    bool ended() const { return ended_; }
    std::string_view next() {
        const auto end = rest_.find('\n');
        auto line = rest_.substr(0, end);
        ended_ = end == std::string_view::npos;
        rest_ = ended_ ? std::string_view() : rest_.substr(end + 1);
        return as_judges_ ? line.substr(0, line.find_last_not_of(" \t\r\f\v") + 1) : line;
    }

private:
    std::string_view rest_;
    bool as_judges_, ended_ = false;
};

std::string first_difference(std::string_view what, Lines expected, Lines found) {
    for (std::size_t number = 1; !expected.ended() || !found.ended(); number++) {
        const auto where = cat(what, " differs in line ", number, ": ");
        if (expected.ended()) return cat(where, "expected its end, found ", shortened(found.next()));
        if (found.ended()) return cat(where, "expected ", shortened(expected.next()), ", found its end");
        const auto one = expected.next(), other = found.next();
        if (one != other) return cat(where, "expected ", shortened(one), ", found ", shortened(other));
    }
    return "";
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
    /// In one of the lines. The time to search one grows faster than its length: of each the beginning is looked at,
    /// and of all the first MiB, so that no output keeps us for long.
    bool is_in(const std::string& text) const {
        constexpr std::size_t most_of_one = 4096, most_of_all = 1 << 20;
        for (Lines lines(std::string_view(text).substr(0, most_of_all), false); !lines.ended();) {
            const auto line = lines.next().substr(0, most_of_one);
            // REG_STARTEND: there may be NUL bytes in it.
            regmatch_t all{0, static_cast<regoff_t>(line.size())};
            if (::regexec(&pattern_, line.data(), 1, &all, REG_STARTEND) == 0) return true;
        }
        return false;
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
        const auto difference = first_difference(what, {*exact, false}, {found, false});
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
    const auto file = read_file(expected.out_file, most_of_a_file);
    return first_difference("stdout", {file, true}, {outcome.out, true});
}

}  // namespace minirun
