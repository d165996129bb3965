// Whether a test has passed.
#pragma once

#include <string>

#include "minirun/container.hpp"
#include "sandbox/test_case.hpp"

namespace minirun {

/// What a test did: how it ended, and all that it wrote.
struct Outcome {
    std::string status, reason;  ///< as in its report
    std::optional<int> exit_code;
    std::string out, err;
};

/// Empty if all that was expected holds; otherwise a sentence that says what does not. Throws Error for a file or a
/// pattern of the expectation that cannot be used.
std::string what_is_wrong(const Expectation& expected, const Outcome& outcome);

/// Throws Error{bad_input} for an expression that regcomp(3) refuses.
void check_pattern(const std::string& pattern);

}  // namespace minirun
