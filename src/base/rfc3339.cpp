#include "base/rfc3339.hpp"

#include <ctime>

#include "base/text.hpp"

namespace minirun {

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
