// The list of tests of `minirun test`: lines of text, or of JSON.
#pragma once

#include <string>
#include <vector>

#include "sandbox/test_case.hpp"

namespace minirun {

/// A test a line; empty lines are left out. A line that begins with '{' is a JSON object with any of the keys name,
/// argv, stdin, env, timeout, cpu-time, memory, pids-limit, output-limit, exit, status, stdout, stdout-regex,
/// stdout-file, stderr, stderr-regex; any other line is a name. `command` runs, with the name in the place of each
/// "{}", or behind it where there is none; `argv` of a JSON line runs in its place. `where` is what messages call the
/// list.
///
/// Throws Error{bad_input} that names the line.
std::vector<TestCase> read_tests(const std::string& text, const std::string& where,
                                 const std::vector<std::string>& command);

/// The tests of one run in their order.
struct Selection {
    std::size_t shard = 1, shards = 1;    ///< of each `shards` tests in a row, the one with this number
    std::size_t repeat = 1;               ///< each so often, with " (2/3)" behind its name
    std::optional<std::uint64_t> seed{};  ///< shuffled, by the same seed alike on every machine
};
std::vector<TestCase> selected(std::vector<TestCase> tests, const Selection& selection);

}  // namespace minirun
