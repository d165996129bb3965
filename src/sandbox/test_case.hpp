// One test of `minirun test`: what runs, and what is expected of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "minirun/run_options.hpp"

namespace minirun {

/// What has to hold for a test to pass; by default that it ends with exit code 0.
struct Expectation {
    std::optional<int> exit_code{};
    std::string status{};                      ///< a status of docs/report.schema.json, or empty
    std::optional<std::string> out{}, err{};   ///< exactly this
    std::string out_pattern{}, err_pattern{};  ///< extended regular expressions, found somewhere; or empty
    /// A file with the expected standard output. As judges compare: without the blanks at the end of lines and the
    /// empty lines at the end.
    std::string out_file{};
};

struct TestCase {
    std::string name;
    std::vector<std::string> arguments;  ///< in the place of the image's Cmd
    std::optional<std::string> input;    ///< its standard input; otherwise /dev/null
    std::vector<std::string> env;        ///< "NAME=value"
    // In the place of what holds for all:
    std::optional<std::chrono::nanoseconds> timeout, cpu_time;
    std::optional<std::int64_t> memory, pids_limit;
    std::optional<std::uint64_t> output_limit;
    Expectation expected;
};

/// The options of one test's run, from those that hold for all.
RunOptions options_of(const TestCase& test, RunOptions all);

}  // namespace minirun
