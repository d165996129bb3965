#include "model/health_check.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "base/text.hpp"

using namespace minirun;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

using Words = std::vector<std::string>;

const HealthCheck usual{{"CMD", "true"}, seconds(30), seconds(30), {}, seconds(5), 3};

// What is wrong with it, or nothing.
Words problems_of(const std::string& text, HealthCheck& check) {
    const auto document = parse_json(text, "doc");
    Problems problems("doc");
    check = read_health_check(JsonView(document, problems));
    return problems.list();
}

HealthStatus after(const HealthCheck& check, std::initializer_list<int> codes, nanoseconds since_start = {}) {
    Health health;
    for (const int code : codes) take_health_result(health, {"", "", code, ""}, check, since_start);
    return health.status;
}

}  // namespace

TEST_CASE("a health check is what was asked for, then the image's, then the usual") {
    CHECK(!settled_health_check({}, {}));
    CHECK(settled_health_check({{"CMD", "true"}}, {}) == usual);
    CHECK(!settled_health_check({{"CMD", "true"}}, {{"NONE"}}));
    CHECK(!settled_health_check({{"NONE"}}, {}));
    CHECK(!settled_health_check({}, {{}, seconds(1)}));
    const HealthCheck image{{"CMD", "a"}, seconds(1), seconds(2), seconds(3), seconds(4), 5};
    CHECK(settled_health_check(image, {}) == image);
    const HealthCheck asked{{"CMD-SHELL", "b"}, {}, seconds(7), {}, {}, 1};
    CHECK(settled_health_check(image, asked) ==
          HealthCheck{{"CMD-SHELL", "b"}, seconds(1), seconds(7), seconds(3), seconds(4), 1});
}

TEST_CASE("what a health check runs") {
    CHECK(health_command({{"CMD", "a", "b c"}}) == Words{"a", "b c"});
    CHECK(health_command({{"CMD-SHELL", "a b"}}) == Words{"/bin/sh", "-c", "a b"});
}

TEST_CASE("so many checks that fail in a row are too many, and one that does not is enough") {
    CHECK(after(usual, {1, 1}) == HealthStatus::starting);
    CHECK(after(usual, {1, 1, 1}) == HealthStatus::unhealthy);
    CHECK(after(usual, {0, 1, 1}) == HealthStatus::healthy);
    CHECK(after(usual, {1, 1, 0, 1, 1}) == HealthStatus::healthy);
    CHECK(after(usual, {1, 1, 1, 0}) == HealthStatus::healthy);
    CHECK(after(usual, {0, -1, 2, 126}) == HealthStatus::unhealthy);
}

TEST_CASE("while a container starts, what fails does not count") {
    auto check = usual;
    check.start_period = seconds(10);
    CHECK(after(check, {1, 1, 1, 1}, seconds(9)) == HealthStatus::starting);
    CHECK(after(check, {1, 1, 1}, seconds(10)) == HealthStatus::unhealthy);
    // One that was well once has started.
    CHECK(after(check, {0, 1, 1, 1}, seconds(9)) == HealthStatus::unhealthy);
    Health health;
    CHECK(time_to_next_check(check, health, seconds(9)) == seconds(5));
    CHECK(time_to_next_check(check, health, seconds(10)) == seconds(30));
    health.status = HealthStatus::healthy;
    CHECK(time_to_next_check(check, health, seconds(1)) == seconds(30));
    CHECK(time_to_next_check(usual, {}, {}) == seconds(30));
}

TEST_CASE("the last five results are kept, in a document") {
    Health health;
    for (int code = 1; code <= 7; code++)
        take_health_result(health, {"then", "later", code, cat("out ", code)}, usual, {});
    Problems problems("doc");
    const auto document = Json::parse(health_json(health).dump());
    const auto read = read_health(JsonView(document, problems));
    CHECK(problems.empty());
    CHECK(document["Status"] == "unhealthy");
    CHECK(document["FailingStreak"] == 7);
    REQUIRE(read.log.size() == 5);
    CHECK(read.log[0].exit_code == 3);
    CHECK(read.log[4].output == "out 7");
    CHECK(read.log[4].start == "then");
    CHECK(read.log[4].end == "later");
    CHECK(read.status == HealthStatus::unhealthy);
    CHECK(read.failing_streak == 7);
}

TEST_CASE("a health check as a document") {
    HealthCheck read;
    CHECK(problems_of(health_check_json(usual).dump(), read).empty());
    CHECK(read == usual);
    CHECK(problems_of("{}", read).empty());
    CHECK(read == HealthCheck{});
    for (const char* test :
         {R"(["CMD"])", R"(["CMD-SHELL"])", R"(["CMD-SHELL", "a", "b"])", R"(["curl"])", R"([""])"}) {
        CAPTURE(test);
        CHECK(
            problems_of(cat("{\"Test\": ", test, "}"), read) ==
            Words{
                ".Test: expected [\"NONE\"], [\"CMD\", …] with a command, or [\"CMD-SHELL\", …] with a command line"});
    }
    CHECK(problems_of(R"({"Interval": -1})", read) == Words{".Interval: expected a time in nanoseconds, found -1"});
    CHECK(problems_of(R"({"Retries": -1})", read).size() == 1);
    CHECK(problems_of(R"({"Timeout": "1s"})", read).size() == 1);
}
