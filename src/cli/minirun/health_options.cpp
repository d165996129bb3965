#include "cli/minirun/health_options.hpp"

#include "base/text.hpp"
#include "cli/minirun/run_values.hpp"
#include "model/option_error.hpp"

namespace minirun::health_options {
namespace {

// Docker's, too: 0 is what the image says.
std::chrono::nanoseconds time_value(std::string_view option, const std::string& text) {
    const auto time = duration_value(option, text, true);
    if (time.count() > 0 && time < std::chrono::milliseconds(1))
        throw option_error(option, text, "a millisecond is the shortest time", "0 is what the image says");
    return time;
}

}  // namespace

void command(RunOptions& options, const std::string& text) {
    if (text.empty())
        throw option_error("--health-cmd", text, "expected a command line", "--no-healthcheck is for none");
    options.health.test = {"CMD-SHELL", text};
}

void interval(RunOptions& options, const std::string& text) {
    options.health.interval = time_value("--health-interval", text);
}

void timeout(RunOptions& options, const std::string& text) {
    options.health.timeout = time_value("--health-timeout", text);
}

void start_period(RunOptions& options, const std::string& text) {
    options.health.start_period = time_value("--health-start-period", text);
}

void start_interval(RunOptions& options, const std::string& text) {
    options.health.start_interval = time_value("--health-start-interval", text);
}

void retries(RunOptions& options, const std::string& text) {
    const auto count = parse_number<unsigned>(text);
    if (!count) throw option_error("--health-retries", text, "expected a number", "0 is what the image says");
    options.health.retries = *count;
}

void none(RunOptions& options) {
    if (options.health != HealthCheck{})
        throw Error(ErrorKind::usage, "--no-healthcheck and the --health options exclude each other",
                    "leave out one of them");
    options.health.test = {"NONE"};
}

}  // namespace minirun::health_options
