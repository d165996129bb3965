#include "base/json.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using minirun::test::error_text;
using Texts = std::vector<std::string>;

namespace {

std::string syntax_error(std::string_view text) {
    return error_text([&] { parse_json(text, "config.json"); });
}

// The problems that `read` finds in a document.
template <class Read>
Texts problems_of(std::string_view text, const Read& read) {
    const auto document = parse_json(text, "config.json");
    Problems problems("config.json");
    read(JsonView(document, problems));
    return problems.list();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("parse_json: syntax errors say line and column") {
    CHECK(parse_json(" {\"a\": [1]} \n", "config.json")["a"][0] == 1);
    CHECK(contains(syntax_error("{\n  \"a\": 1,\n  \"b\" 2\n}"), "config.json is not valid JSON: line 3, column 7: "));
    CHECK(contains(syntax_error("{\"a\": tru}"), "line 1, column 10"));
    CHECK(contains(syntax_error("{\"a\": 1"), "config.json is not valid JSON: line 1, column 8: "));
    CHECK(contains(syntax_error("[1]\n[2]"), "line 2, column 1"));
    CHECK(contains(syntax_error("{'a': 1}"), "line 1, column 2"));
    CHECK(contains(syntax_error("[1,]"), "line 1, column 4"));
    CHECK(contains(syntax_error("// no\n{}"), "line 1, column 1"));
    CHECK(contains(syntax_error("\"a\nb\""), "is not valid JSON: line 1"));
    CHECK(contains(syntax_error("\"\xff\""), "is not valid JSON: line 1"));
}

TEST_CASE("parse_json: a number that does not fit") {
    CHECK(syntax_error("{\"a\": -1.5e999}") ==
          "config.json is not valid JSON: line 1, column 14: number overflow parsing '-1.5e999' | ");
    CHECK(parse_json("1e-999", "config.json") == 0.0);
}

TEST_CASE("parse_json: an empty document") {
    CHECK(syntax_error("") == "config.json is empty: expected a JSON document | ");
    CHECK(syntax_error(" \n\t ") == "config.json is empty: expected a JSON document | ");
}

TEST_CASE("parse_json: what two parsers could read differently, or what breaks one") {
    CHECK(syntax_error("{\"a\": 1, \"b\": {\"a\": 2}, \"a\": 3}") ==
          "config.json: the key 'a' is there twice in one object | ");
    CHECK(syntax_error(std::string(65, '[') + std::string(65, ']')) ==
          "config.json: more than 64 levels of nesting | ");
    CHECK_NOTHROW(parse_json(std::string(64, '[') + std::string(64, ']'), "config.json"));
    CHECK(contains(syntax_error(std::string(1'000'000, '[')), "more than 64 levels"));
}

TEST_CASE("parse_json: what is no number, and bytes that end a C string") {
    CHECK(syntax_error("[1e999]") ==
          "config.json is not valid JSON: line 1, column 6: number overflow parsing '1e999' | ");
    CHECK(syntax_error(std::string_view("{\"a\"\0: 1}", 9)) ==
          "config.json is not valid JSON: line 1, column 5: a NUL byte | ");
    CHECK(contains(syntax_error("[" + std::string(1'000'000, 'x')), "last read: '[x'"));
}

// Quadratic ones would take minutes.
TEST_CASE("parse_json: large documents take time in proportion") {
    std::string objects = "[{}", keys = "{\"\": 0";
    for (int i = 0; i < 300'000; i++) append(objects, ",{}"), append(keys, cat(",\"k", i, "\": 0"));
    CHECK(parse_json(objects + "]", "config.json").size() == 300'001);
    CHECK(parse_json(keys + "}", "config.json").size() == 300'001);
}

TEST_CASE("JsonView: values of the right type") {
    const auto list = problems_of(
        R"({"s": "text", "b": true, "i": -5, "u": 18446744073709551615, "l": ["x", ""], "o": {"k": "v"}, "n": null})",
        [](const JsonView& view) {
            CHECK(view.path() == ".");
            CHECK(view["s"].string() == "text");
            CHECK(view["b"].boolean() == true);
            CHECK(view["i"].integer() == -5);
            CHECK(view["u"].unsigned_integer() == 18446744073709551615U);
            CHECK(view["l"].strings() == Texts{"x", ""});
            REQUIRE(view["o"].members().size() == 1);
            CHECK(view["o"].members()[0].first == "k");
            CHECK(view["o"]["k"].path() == ".o.k");
            CHECK(view["l"].elements()[1].path() == ".l[1]");
        });
    CHECK(list.empty());
}

TEST_CASE("JsonView: absent and null read as not there, however deep") {
    const auto list = problems_of(R"({"n": null})", [](const JsonView& view) {
        for (const auto* key : {"n", "absent"}) {
            CHECK_FALSE(view[key].exists());
            CHECK_FALSE(view[key]["a"]["b"].exists());
            CHECK(view[key]["a"].path() == cat(".", key, ".a"));
            CHECK(view[key].string() == std::nullopt);
            CHECK(view[key].string_or("fallback") == "fallback");
            CHECK(view[key].strings() == std::nullopt);
            CHECK(view[key].elements().empty());
            CHECK(view[key].members().empty());
            CHECK(view[key].unsigned_integer() == std::nullopt);
            CHECK(view[key].boolean_or(true));
        }
    });
    CHECK(list.empty());
}

TEST_CASE("JsonView: every wrong type is a problem with its path, and all are found") {
    const auto list = problems_of(
        R"({"a": 1, "b": "yes", "c": {"d": [1, "x", null]}, "e": "text", "f": -1, "g": 1.5, "h": 70000, "i": [{}]})",
        [](const JsonView& view) {
            CHECK(view["a"].string() == std::nullopt);
            CHECK(view["b"].boolean() == std::nullopt);
            CHECK(view["c"]["d"].strings() == Texts{"x"});
            CHECK(view["e"]["f"].string() == std::nullopt);
            CHECK(view["e"].elements().empty());
            CHECK(view["f"].unsigned_integer() == std::nullopt);
            CHECK(view["g"].integer() == std::nullopt);
            CHECK(view["h"].unsigned_integer(65535) == std::nullopt);
            CHECK(view["i"].members().empty());
        });
    CHECK(list == Texts{".a: expected a string, found the number 1", ".b: expected true or false, found a string",
                        ".c.d[0]: expected a string, found the number 1", ".c.d[2]: expected a string, found null",
                        ".e: expected an object, found a string", ".e: expected an array, found a string",
                        ".f: expected a whole number, found the number -1",
                        ".g: expected a whole number, found the number 1.5",
                        ".h: expected a whole number from 0 to 65535, found the number 70000",
                        ".i: expected an object, found an array"});
}

TEST_CASE("JsonView: a NUL byte in a string would cut it short in the kernel") {
    const auto list = problems_of("{\"a\": \"x\\u0000y\"}", [](const JsonView& view) { view["a"].string(); });
    CHECK(list == Texts{".a: the string holds a NUL byte"});
}

TEST_CASE("JsonView: numbers at the edge of 64 bits") {
    const auto list =
        problems_of(R"([9223372036854775807, 9223372036854775808, -9223372036854775808])", [](const JsonView& view) {
            const auto numbers = view.elements();
            CHECK(numbers[0].integer() == 9223372036854775807);
            CHECK(numbers[1].integer() == std::nullopt);
            CHECK(numbers[2].integer() == std::numeric_limits<std::int64_t>::min());
        });
    CHECK(list == Texts{"[1]: expected a whole number, found the number 9223372036854775808"});
}

TEST_CASE("Problems: one error with all of them, no error without any") {
    Problems problems("config.json");
    CHECK_NOTHROW(problems.throw_if_any());
    problems.add(".a", "is bad");
    problems.add(".b", "is worse");
    problems.add(".a", "is bad");
    CHECK(error_text([&] { problems.throw_if_any(); }) == "config.json: .a: is bad; .b: is worse | ");
    for (int i = 0; i < 1000; i++) problems.add(cat('[', i, ']'), "is bad too");
    const auto text = error_text([&] { problems.throw_if_any(); });
    CHECK(text.ends_with("; [17]: is bad too; and 982 more | "));
}
