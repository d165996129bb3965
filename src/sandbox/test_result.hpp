// What became of one test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sandbox/run_report.hpp"

namespace minirun {

struct TestResult {
    enum class State {
        passed,
        failed,
        skipped,      ///< never started, because the run ended before
        interrupted,  ///< it was running then
    };
    State state = State::skipped;
    std::size_t index = 0;  ///< in the list of tests
    unsigned tries = 0;     ///< how often it ran; passed with more than one is *flaky*
    std::string reason;     ///< why it did not pass; of a flaky one, why not at first
    double seconds = 0;     ///< of the last try, by the clock
    std::string out, err;   ///< the last of what it wrote
    Report report;          ///< of the last try; null if it never ran

    bool passed() const { return state == State::passed; }
    bool flaky() const { return passed() && tries > 1; }
};

/// How many bytes of each stream are kept.
inline constexpr std::size_t most_of_a_stream = 64 << 10;

/// For the way from the process that ran the test to the one that collects.
std::vector<std::uint8_t> to_bytes(const TestResult& result);
TestResult test_result_from(const std::vector<std::uint8_t>& bytes);

}  // namespace minirun
