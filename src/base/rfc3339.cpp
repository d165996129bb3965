#include "base/rfc3339.hpp"

#include <ctime>

#include "base/text.hpp"

namespace minirun {
namespace {

// Two or four digits; -1 if something else is there.
int number_at(std::string_view text, std::size_t at, std::size_t digits) {
    int number = 0;
    for (std::size_t i = at; i < at + digits; i++) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

// What "+02:00" is ahead of UTC.
std::int64_t seconds_ahead(std::string_view zone) {
    const int hours = number_at(zone, 1, 2), minutes = number_at(zone, 4, 2);
    if (hours < 0 || minutes < 0) return 0;
    return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

std::int64_t seconds_of(std::string_view text) {
    const int year = number_at(text, 0, 4), month = number_at(text, 5, 2), day = number_at(text, 8, 2);
    const int hour = number_at(text, 11, 2), minute = number_at(text, 14, 2), second = number_at(text, 17, 2);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return 0;
    if (text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':') return 0;
    const auto date = std::chrono::year(year) / month / day;
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return 0;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    const auto zone = text.find_first_of("+-", 19);
    return std::int64_t{days} * 86400 + hour * 3600 + minute * 60 + second -
           (zone == std::string_view::npos ? 0 : seconds_ahead(text.substr(zone)));
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const auto since = time.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t seconds = whole.count();
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[40];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    constexpr long one = 1'000'000'000;
    const auto digits =
        std::to_string(one + std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count());
    return cat(text, '.', std::string_view(digits).substr(1), 'Z');
}

}  // namespace minirun
