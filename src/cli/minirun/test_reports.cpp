#include "cli/minirun/test_reports.hpp"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

std::string seconds_text(double seconds) {
    char text[40];
    std::snprintf(text, sizeof text, "%.3f", seconds);
    return text;
}

std::string_view word_of(const TestResult& result) {
    switch (result.state) {
        case TestResult::State::passed: return "passed";
        case TestResult::State::failed: return "failed";
        case TestResult::State::interrupted: return "interrupted";
        case TestResult::State::skipped: break;
    }
    return "skipped";
}

// A text as a scalar of YAML, which JSON's strings are. In ASCII: U+009B steers terminals, too.
std::string yaml(const std::string& text) { return Report(text).dump(-1, ' ', true, Report::error_handler_t::replace); }

// '#' begins a directive, and a line break the next line.
std::string tap_description(const std::string& name) {
    std::string text;
    for (const char c : printable(name)) {
        if (c == '#') text += '\\';
        text += c;
    }
    return text;
}

// Characters that XML 1.0 can hold; all else, and what is no UTF-8, is U+FFFD.
std::string xml(const std::string& text) {
    constexpr std::string_view replacement = "\xEF\xBF\xBD";
    // nlohmann's own check of UTF-8: what comes back is valid.
    const auto valid = Report::parse(yaml(text)).get<std::string>();
    std::string out;
    for (std::size_t i = 0; i < valid.size(); i++) {
        const auto c = static_cast<unsigned char>(valid[i]);
        const bool no_character =
            c == 0xEF && (valid.compare(i, 3, "\xEF\xBF\xBE") == 0 || valid.compare(i, 3, "\xEF\xBF\xBF") == 0);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (no_character)
            out += replacement, i += 2;
        else if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7F)
            out += replacement;
        // U+0080 to U+009F, of which some steer terminals.
        else if (c == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0)
            out += replacement, i += 1;
        else
            out += valid[i];
    }
    return out;
}

bool is_skipped(const TestResult& result) {
    return result.state == TestResult::State::skipped || result.state == TestResult::State::interrupted;
}

// A failure is the test's, an error is what kept it from running.
bool is_error(const TestResult& result) {
    return result.state == TestResult::State::failed &&
           (result.report.is_null() || result.report.value("status", "") == "setup-error");
}

std::string junit_case(const ToldTest& told, const std::string& suite) {
    const auto& [test, result] = told;
    auto out = cat("    <testcase classname=\"", xml(suite), "\" name=\"", xml(test.name), "\" time=\"",
                   seconds_text(result.seconds), "\">\n");
    const auto status = result.report.is_null() ? std::string("setup-error") : result.report.value("status", "");
    if (result.state == TestResult::State::failed) {
        const auto* element = is_error(result) ? "error" : "failure";
        out += cat("      <", element, " type=\"", xml(status), "\" message=\"", xml(result.reason), "\"/>\n");
    }
    if (is_skipped(result)) out += cat("      <skipped message=\"", word_of(result), "\"/>\n");
    if (result.flaky())
        out += cat("      <properties><property name=\"flaky\" value=\"", xml(result.reason), "\"/></properties>\n");
    if (!result.out.empty()) out += cat("      <system-out>", xml(result.out), "</system-out>\n");
    if (!result.err.empty()) out += cat("      <system-err>", xml(result.err), "</system-err>\n");
    return out + "    </testcase>\n";
}

std::string host_name() {
    char name[65] = {};
    ::gethostname(name, sizeof name - 1);
    return name;
}

}  // namespace

std::string tap_head(std::size_t tests) { return cat("TAP version 14\n1..", tests, "\n"); }

std::string tap_point(const ToldTest& told) {
    const auto& [test, result] = told;
    auto line = cat(result.state == TestResult::State::failed ? "not ok " : "ok ", result.index + 1, " - ",
                    tap_description(test.name));
    if (is_skipped(result)) return cat(line, " # SKIP ", word_of(result), "\n");
    if (result.passed() && !result.flaky()) return line + "\n";
    line += cat("\n  ---\n  message: ", yaml(result.reason), "\n  tries: ", result.tries,
                "\n  flaky: ", result.flaky() ? "true" : "false", "\n  seconds: ", seconds_text(result.seconds), "\n");
    if (!result.report.is_null()) line += cat("  status: ", result.report.value("status", ""), "\n");
    if (!result.out.empty()) line += cat("  stdout: ", yaml(result.out), "\n");
    if (!result.err.empty()) line += cat("  stderr: ", yaml(result.err), "\n");
    return line + "  ...\n";
}

std::string json_line(const ToldTest& told) {
    const auto& [test, result] = told;
    return report_text(Report{{"name", test.name},
                              {"result", word_of(result)},
                              {"flaky", result.flaky()},
                              {"tries", result.tries},
                              {"reason", result.reason},
                              {"seconds", result.seconds},
                              {"stdout", result.out},
                              {"stderr", result.err},
                              {"report", result.report}},
                       -1);
}

std::string junit_document(const std::vector<ToldTest>& all, const std::string& suite,
                           std::chrono::system_clock::time_point started, double seconds) {
    std::size_t failures = 0, errors = 0, skipped = 0;
    std::string cases;
    for (const auto& told : all) {
        if (is_error(told.result))
            errors++;
        else if (told.result.state == TestResult::State::failed)
            failures++;
        else if (is_skipped(told.result))
            skipped++;
        cases += junit_case(told, suite);
    }
    const auto counts = cat("tests=\"", all.size(), "\" failures=\"", failures, "\" errors=\"", errors, "\" skipped=\"",
                            skipped, "\" time=\"", seconds_text(seconds), "\"");
    // Without the zone, as the schema of JUnit has it: UTC.
    return cat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ", counts, ">\n  <testsuite name=\"",
               xml(suite), "\" ", counts, " timestamp=\"", rfc3339(started).substr(0, 19), "\" hostname=\"",
               xml(host_name()), "\">\n", cases, "  </testsuite>\n</testsuites>\n");
}

}  // namespace minirun
