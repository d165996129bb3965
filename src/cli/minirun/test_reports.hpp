// Results of tests in the forms that other programs read.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sandbox/test_case.hpp"
#include "sandbox/test_result.hpp"

namespace minirun {

/// A test and what became of it.
struct ToldTest {
    const TestCase& test;
    const TestResult& result;
};

/// Test Anything Protocol 14: one test point, with a YAML block where it has not passed.
std::string tap_point(const ToldTest& told);
std::string tap_head(std::size_t tests);

/// One object on one line: name, result (passed, failed, skipped, interrupted), flaky, tries, reason, seconds, stdout,
/// stderr, and the report of its last try (docs/report.schema.json).
std::string json_line(const ToldTest& told);

/// The whole document, as Jenkins and GitLab read it.
std::string junit_document(const std::vector<ToldTest>& all, const std::string& suite,
                           std::chrono::system_clock::time_point started, double seconds);

}  // namespace minirun
