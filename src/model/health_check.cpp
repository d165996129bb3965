#include "model/health_check.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// Docker's.
constexpr nanoseconds usual_interval = seconds(30), usual_timeout = seconds(30), usual_start_interval = seconds(5);
constexpr unsigned usual_retries = 3;
constexpr std::size_t longest_log = 5;

constexpr std::string_view status_words[] = {"starting", "healthy", "unhealthy"};

template <class Value>
Value first_set(Value asked, Value image, Value usual) {
    return asked != Value{} ? asked : image != Value{} ? image : usual;
}

// An image may not have the host begin a program all the time; and no time may be longer than can be counted.
nanoseconds settled_time(nanoseconds asked, nanoseconds image, nanoseconds usual) {
    constexpr nanoseconds least_of_image = seconds(1), most = std::chrono::hours(24 * 365);
    if (image != nanoseconds(0)) image = std::max(image, least_of_image);
    return std::min(first_set(asked, image, usual), most);
}

nanoseconds read_time(const JsonView& view) {
    const auto given = view.integer().value_or(0);
    if (given < 0) view.complain(cat("expected a time in nanoseconds, found ", given));
    return nanoseconds(given);
}

void check_test(const JsonView& view, const std::vector<std::string>& test) {
    if (test.empty()) return;
    const bool fits =
        test[0] == "NONE" || (test[0] == "CMD" && test.size() > 1) || (test[0] == "CMD-SHELL" && test.size() == 2);
    if (!fits)
        view.complain("expected [\"NONE\"], [\"CMD\", …] with a command, or [\"CMD-SHELL\", …] with a command line");
}

}  // namespace

std::string_view health_word(HealthStatus status) noexcept { return status_words[static_cast<std::size_t>(status)]; }

std::optional<HealthCheck> settled_health_check(const HealthCheck& image, const HealthCheck& asked) {
    const auto& test = asked.test.empty() ? image.test : asked.test;
    if (test.empty() || test[0] == "NONE") return std::nullopt;
    return HealthCheck{test,
                       settled_time(asked.interval, image.interval, usual_interval),
                       settled_time(asked.timeout, image.timeout, usual_timeout),
                       settled_time(asked.start_period, image.start_period, nanoseconds(0)),
                       settled_time(asked.start_interval, image.start_interval, usual_start_interval),
                       first_set(asked.retries, image.retries, usual_retries)};
}

std::vector<std::string> health_command(const HealthCheck& check) {
    if (check.test[0] == "CMD-SHELL") return {"/bin/sh", "-c", check.test[1]};
    return {check.test.begin() + 1, check.test.end()};
}

nanoseconds time_to_next_check(const HealthCheck& check, const Health& health, nanoseconds since_start) {
    const bool starts = health.status == HealthStatus::starting && since_start < check.start_period;
    return starts ? check.start_interval : check.interval;
}

void take_health_result(Health& health, HealthResult result, const HealthCheck& check, nanoseconds since_start) {
    const bool is_well = result.exit_code == 0;
    health.log.push_back(std::move(result));
    if (health.log.size() > longest_log) health.log.erase(health.log.begin());
    if (is_well) {
        health.status = HealthStatus::healthy;
        health.failing_streak = 0;
        return;
    }
    // While it starts, a failure does not count.
    if (health.status == HealthStatus::starting && since_start < check.start_period) return;
    health.failing_streak++;
    if (health.failing_streak >= check.retries) health.status = HealthStatus::unhealthy;
}

Json health_check_json(const HealthCheck& check) {
    return {{"Test", check.test},
            {"Interval", check.interval.count()},
            {"Timeout", check.timeout.count()},
            {"StartPeriod", check.start_period.count()},
            {"StartInterval", check.start_interval.count()},
            {"Retries", check.retries}};
}

HealthCheck read_health_check(const JsonView& view) {
    HealthCheck check;
    check.test = view["Test"].strings().value_or(std::vector<std::string>{});
    check_test(view["Test"], check.test);
    check.interval = read_time(view["Interval"]);
    check.timeout = read_time(view["Timeout"]);
    check.start_period = read_time(view["StartPeriod"]);
    check.start_interval = read_time(view["StartInterval"]);
    check.retries = static_cast<unsigned>(view["Retries"].unsigned_integer(UINT32_MAX).value_or(0));
    return check;
}

nlohmann::ordered_json health_json(const Health& health) {
    auto log = nlohmann::ordered_json::array();
    for (const auto& one : health.log)
        log.push_back({{"Start", one.start}, {"End", one.end}, {"ExitCode", one.exit_code}, {"Output", one.output}});
    return {{"Status", health_word(health.status)}, {"FailingStreak", health.failing_streak}, {"Log", log}};
}

Health read_health(const JsonView& view) {
    Health health;
    const auto word = view["Status"].string_or("");
    const auto* found = std::find(std::begin(status_words), std::end(status_words), word);
    if (found != std::end(status_words)) health.status = static_cast<HealthStatus>(found - std::begin(status_words));
    health.failing_streak = static_cast<unsigned>(view["FailingStreak"].unsigned_integer(UINT32_MAX).value_or(0));
    for (const auto& one : view["Log"].elements())
        health.log.push_back({one["Start"].string_or(""), one["End"].string_or(""),
                              static_cast<int>(one["ExitCode"].integer().value_or(0)), one["Output"].string_or("")});
    return health;
}

}  // namespace minirun
