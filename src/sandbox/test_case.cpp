#include "sandbox/test_case.hpp"

namespace minirun {

RunOptions options_of(const TestCase& test, RunOptions all) {
    all.arguments = test.arguments;
    all.env.insert(all.env.end(), test.env.begin(), test.env.end());
    all.interactive = test.input.has_value();
    if (test.timeout) all.timeout = test.timeout;
    if (test.cpu_time) all.cpu_time = test.cpu_time;
    if (test.output_limit) all.output_limit = test.output_limit;
    if (test.pids_limit) all.resources.pids_limit = test.pids_limit;
    if (test.memory) all.resources.memory.limit = test.memory;
    return all;
}

}  // namespace minirun
