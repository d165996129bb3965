#include "cli/minirun/test_summary.hpp"

#include <algorithm>
#include <cstdio>

#include "base/text.hpp"
#include "cli/render.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_lines = 10, most_slow = 5;

std::string clock_text(double seconds) {
    const auto whole = static_cast<unsigned long>(seconds + 0.5);
    char text[40];
    if (whole < 3600)
        std::snprintf(text, sizeof text, "%lu:%02lu", whole / 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    return text;
}

std::string seconds_text(double seconds) {
    char text[40];
    std::snprintf(text, sizeof text, "%.2f s", seconds);
    return text;
}

// The last lines of a stream, none of which can steer the terminal.
std::string last_lines(std::string_view name, const std::string& text) {
    auto lines = split(text, '\n');
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    const auto first = lines.size() > most_lines ? lines.size() - most_lines : 0;
    std::string out;
    for (auto i = first; i < lines.size(); i++) {
        constexpr std::size_t most_of_a_line = 200;
        const auto line = std::string_view(lines[i]).substr(0, most_of_a_line);
        out += cat("    ", name, " | ", printable(line), lines[i].size() > most_of_a_line ? "…" : "", "\n");
    }
    return out;
}

std::string failed_test(const ToldTest& told, bool colour) {
    const auto& [test, result] = told;
    const auto tries = result.tries > 1 ? cat(", ", result.tries, " tries") : std::string();
    return cat(painted("FAILED", Paint::red, colour), " ", printable(test.name), ": ", printable(result.reason), " (",
               seconds_text(result.seconds), tries, ")\n", last_lines("stdout", result.out),
               last_lines("stderr", result.err));
}

std::string slowest(const std::vector<ToldTest>& all) {
    std::vector<const ToldTest*> order;
    for (const auto& told : all)
        if (told.result.tries > 0) order.push_back(&told);
    if (order.size() < 2) return "";
    const auto count = std::min(order.size(), most_slow);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [](const ToldTest* a, const ToldTest* b) { return a->result.seconds > b->result.seconds; });
    std::string out = "slowest:\n";
    for (std::size_t i = 0; i < count; i++)
        out += cat("  ", seconds_text(order[i]->result.seconds), "  ", printable(order[i]->test.name), "\n");
    return out;
}

}  // namespace

void Counts::add(const TestResult& result) {
    switch (result.state) {
        case TestResult::State::passed: passed++; break;
        case TestResult::State::failed: failed++; break;
        case TestResult::State::skipped:
        case TestResult::State::interrupted: skipped++; break;
    }
    if (result.flaky()) flaky++;
}

std::string progress_line(const Counts& counts, std::size_t tests, std::size_t running, double seconds) {
    auto line = cat(counts.done(), "/", tests, " · ", counts.passed, " passed");
    if (counts.failed > 0) line += cat(" · ", counts.failed, " failed");
    line += cat(" · ", running, " running · ", clock_text(seconds));
    const auto left = tests - counts.done();
    if (counts.done() > 0 && left > 0)
        line += cat(", about ", clock_text(seconds / static_cast<double>(counts.done()) * static_cast<double>(left)),
                    " left");
    return line;
}

std::string summary(const std::vector<ToldTest>& all, const Counts& counts, double seconds, bool colour) {
    std::string out;
    for (const auto& told : all)
        if (told.result.state == TestResult::State::failed) out += failed_test(told, colour);
    for (const auto& told : all)
        if (told.result.flaky())
            out += cat(painted("FLAKY", Paint::yellow, colour), " ", printable(told.test.name), ": passed at try ",
                       told.result.tries, "; before, ", printable(told.result.reason), "\n");
    out += slowest(all);
    if (counts.flaky > 0)
        out += cat(counts.flaky, " of those that passed ", counts.flaky == 1 ? "is" : "are", " flaky\n");
    out += cat("in ", seconds_text(seconds), "\n");
    return out + cat(counts.passed, " passed, ", counts.failed, " failed, ", counts.skipped, " skipped\n");
}

}  // namespace minirun
