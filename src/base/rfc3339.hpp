// Times as documents hold them.
#pragma once

#include <chrono>
#include <string>

namespace minirun {

/// "2026-03-04T05:06:07.123456789Z": UTC, RFC 3339.
std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace minirun
