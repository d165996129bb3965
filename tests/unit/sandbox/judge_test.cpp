#include "sandbox/judge.hpp"

#include <doctest/doctest.h>

#include "minirun/error.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

Outcome ended(int code, const std::string& out = "", const std::string& err = "") {
    return {code == 0 ? "ok" : "exit", "", code, out, err};
}

}  // namespace

TEST_CASE("judge: a test ends with exit code 0, unless another end is expected") {
    CHECK(what_is_wrong({}, ended(0)).empty());
    CHECK(what_is_wrong({}, ended(2)) == "expected exit code 0, got 2");
    CHECK(what_is_wrong({.exit_code = 2}, ended(2)).empty());
    const Outcome killed{"signal", "SIGKILL ended it", {}, "", ""};
    CHECK(what_is_wrong({}, killed) == "signal: SIGKILL ended it");
    CHECK(what_is_wrong({.status = "signal"}, killed).empty());
    CHECK(what_is_wrong({.status = "oom"}, killed) == "expected the status oom, got signal: SIGKILL ended it");
    // An exit code is none that a signal stands for.
    CHECK(what_is_wrong({.exit_code = 137}, killed) == "signal: SIGKILL ended it");
    // A limit may be expected together with the code that the program ended with.
    CHECK(what_is_wrong({.exit_code = 1, .status = "pids-limit"}, {"pids-limit", "", 1, "", ""}).empty());
}

TEST_CASE("judge: texts are compared exactly, and the first difference is told") {
    CHECK(what_is_wrong({.out = "a\nb\n"}, ended(0, "a\nb\n")).empty());
    CHECK(what_is_wrong({.out = "a\nb\n"}, ended(0, "a\nc\n")) == "stdout differs in line 2: expected 'b', found 'c'");
    CHECK(what_is_wrong({.out = "a\n"}, ended(0, "a")) == "stdout differs in line 2: expected '', found its end");
    CHECK(what_is_wrong({.err = ""}, ended(0, "", "x")) == "stderr differs in line 1: expected '', found 'x'");
    const auto long_line = what_is_wrong({.out = "a"}, ended(0, std::string(1000, 'x')));
    CHECK(long_line.size() < 200);
}

TEST_CASE("judge: patterns are extended regular expressions, line by line, in text with NUL bytes, too") {
    CHECK(what_is_wrong({.out_pattern = "^b[0-9]+$"}, ended(0, std::string("a\0\nb12\n", 7))).empty());
    CHECK(what_is_wrong({.out_pattern = "^b$"}, ended(0, "ab\n")) == "stdout does not match the pattern '^b$'");
    CHECK_THROWS_AS(check_pattern("("), Error);
    CHECK_NOTHROW(check_pattern("(a|b)+"));
}

TEST_CASE("judge: a file is compared without blanks at the ends") {
    const test::TemporaryDirectory root;
    root.file("expected", "1 2\n3\n");
    const Expectation expected{.out_file = root / "expected"};
    for (const auto* same : {"1 2\n3\n", "1 2\n3", "1 2 \t\r\n3\n\n \n"})
        CHECK(what_is_wrong(expected, ended(0, same)).empty());
    CHECK(what_is_wrong(expected, ended(0, "1  2\n3\n")) == "stdout differs in line 1: expected '1 2', found '1  2'");
    CHECK(what_is_wrong(expected, ended(0, "1 2\n")) == "stdout differs in line 2: expected '3', found its end");
    CHECK_THROWS_AS(what_is_wrong({.out_file = root / "none"}, ended(0)), Error);
}
