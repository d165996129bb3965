// The command line of `minirun test`.
#pragma once

#include <string>
#include <vector>

#include "cli/minirun/run_options.hpp"
#include "cli/minirun/test_list.hpp"

namespace minirun {

struct TestCommand {
    bool help = false;  ///< --help: the rest is not filled
    RunCommand run;     ///< the image, and what each container is made like
    std::string from;   ///< --from FILE; empty: standard input
    unsigned jobs = 1, retries = 0;
    bool fail_fast = false;
    Selection selection;
    std::vector<std::string> cores;  ///< the CPUs of each job; empty: they share all
    bool rerun_failed = false;
    std::string rerun_file;        ///< results in JSON lines; empty: what minirun has kept of the last run
    std::string tap, json, junit;  ///< where they go: FILE, "-", or empty
};

/// Reads `test [OPTIONS] IMAGE [--] [COMMAND] [ARG…]`. Throws Error{usage}.
TestCommand parse_test(int argc, char** argv);

std::string test_help();

}  // namespace minirun
