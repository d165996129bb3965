// The options of `minirun run` on health checks. All throw Error{usage} that names the option and the value.
#pragma once

#include <string>

#include "minirun/run_options.hpp"

namespace minirun::health_options {

void command(RunOptions& options, const std::string& text);
void interval(RunOptions& options, const std::string& text);
void timeout(RunOptions& options, const std::string& text);
void start_period(RunOptions& options, const std::string& text);
void start_interval(RunOptions& options, const std::string& text);
void retries(RunOptions& options, const std::string& text);
/// When all are read: --no-healthcheck.
void none(RunOptions& options);

}  // namespace minirun::health_options
