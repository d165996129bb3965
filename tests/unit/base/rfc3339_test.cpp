#include "base/rfc3339.hpp"

#include <doctest/doctest.h>

using namespace minirun;

TEST_CASE("rfc3339: UTC, with nine digits") {
    using namespace std::chrono;
    CHECK(rfc3339(system_clock::time_point{}) == "1970-01-01T00:00:00.000000000Z");
    CHECK(rfc3339(system_clock::time_point{seconds(1'709'615'167) + milliseconds(7)}) ==
          "2024-03-05T05:06:07.007000000Z");
    // Before 1970 too the digits count from the second that has begun.
    CHECK(rfc3339(system_clock::time_point{milliseconds(-1)}) == "1969-12-31T23:59:59.999000000Z");
}
