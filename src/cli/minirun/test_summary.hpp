// What people are told of a run of tests: a line while it runs, and a summary.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/minirun/test_reports.hpp"

namespace minirun {

struct Counts {
    std::size_t passed = 0, failed = 0, skipped = 0, flaky = 0;
    void add(const TestResult& result);
    std::size_t done() const { return passed + failed + skipped; }
};

/// "12/200 · 11 passed · 1 failed · 4 running · 0:12, about 1:40 left".
std::string progress_line(const Counts& counts, std::size_t tests, std::size_t running, double seconds);

/// The failed tests with the last lines of what they wrote, the flaky ones, the slowest, and in the last line "N
/// passed, N failed, N skipped".
std::string summary(const std::vector<ToldTest>& all, const Counts& counts, double seconds, bool colour);

}  // namespace minirun
