#include "base/path.hpp"

#include <doctest/doctest.h>

using namespace minirun;

TEST_CASE("clean_path") {
    const struct {
        const char *path, *clean;
    } rows[] = {
        {"/", "/"},          {"", "/"},         {"//", "/"},          {"/.", "/"},
        {"/..", "/"},        {"/a", "/a"},      {"/a/", "/a"},        {"//a//b", "/a/b"},
        {"/a/./b", "/a/b"},  {"/a/../b", "/b"}, {"/a/..", "/"},       {"/../../a", "/a"},
        {"/a/b/../..", "/"}, {"a/b", "/a/b"},   {"/a/...", "/a/..."}, {"/.a/..b", "/.a/..b"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.path);
        CHECK(clean_path(row.path) == row.clean);
    }
}

TEST_CASE("absolute_path") {
    CHECK(absolute_path("/a/b", "/x") == "/a/b");
    CHECK(absolute_path("./b", "/x/y") == "/x/y/b");
    CHECK(absolute_path("../b", "/x/y") == "/x/b");
    CHECK(absolute_path(".", "/x") == "/x");
    CHECK(absolute_path("../../..", "/x") == "/");
}

TEST_CASE("is_at_or_below") {
    CHECK(is_at_or_below("/a", "/a"));
    CHECK(is_at_or_below("/a/b", "/a"));
    CHECK(is_at_or_below("/a", "/"));
    CHECK_FALSE(is_at_or_below("/ab", "/a"));
    CHECK_FALSE(is_at_or_below("/", "/a"));
    CHECK_FALSE(is_at_or_below("/a", "/a/b"));
}
