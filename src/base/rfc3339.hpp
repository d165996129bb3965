// Times as documents hold them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace minirun {

/// "2026-03-04T05:06:07.123456789Z": UTC, RFC 3339.
std::string rfc3339(std::chrono::system_clock::time_point time);

/// Whole seconds since 1970 of such a time, in whatever zone it is: "Z", "+02:00"; 0 if it is none.
std::int64_t seconds_of(std::string_view rfc3339);

}  // namespace minirun
