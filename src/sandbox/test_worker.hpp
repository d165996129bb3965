// A process that runs tests, one after the other.
#pragma once

#include <cstdint>
#include <span>

#include "minirun/container.hpp"
#include "sandbox/test_case.hpp"

namespace minirun {

/// Takes the number of a test (a std::uint32_t) from the socket, runs it, and writes its TestResult there: its size as
/// std::uint32_t, and to_bytes() of it. Returns when the other end is closed. The caller has just been forked.
void serve_tests(int socket, Runner& runner, std::span<const TestCase> tests, const RunOptions& options);

}  // namespace minirun
