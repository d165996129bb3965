#include "cli/minirun/test_list.hpp"

#include <doctest/doctest.h>

#include <set>

#include "minirun/error.hpp"

using namespace minirun;
using Words = std::vector<std::string>;

namespace {

std::string refusal(const std::string& text) {
    try {
        (void)read_tests(text, "list", {"true"});
    } catch (const Error& error) {
        return error.message();
    }
    return "";
}

Words names(const std::vector<TestCase>& tests) {
    Words all;
    for (const auto& test : tests) all.push_back(test.name);
    return all;
}

}  // namespace

TEST_CASE("test list: a line is the name, and stands for each {}") {
    const auto tests = read_tests("a\nb c\r\n\n \n{}\n", "list", {"run", "x{}y{}", "z"});
    REQUIRE(names(tests) == Words{"a", "b c", "{}"});
    CHECK(tests[1].arguments == Words{"run", "xb cyb c", "z"});
    // What was put in is not looked through again.
    CHECK(tests[2].arguments == Words{"run", "x{}y{}", "z"});
    CHECK(read_tests("a", "list", {"run"})[0].arguments == Words{"run", "a"});
    CHECK(read_tests("a", "list", {})[0].arguments == Words{"a"});
}

TEST_CASE("test list: JSON") {
    const auto test =
        read_tests(R"({"name": "n", "argv": ["a", "{}"], "stdin": "i", "env": {"K": "v"}, "timeout": 1.5,)"
                   R"( "cpu-time": "2s", "memory": "1m", "pids-limit": 7, "output-limit": 10, "exit": 3,)"
                   R"( "stdout": "o", "stderr-regex": "e", "stdout-file": "f"})",
                   "list", {"true"})[0];
    CHECK(test.name == "n");
    CHECK(test.arguments == Words{"a", "{}"});
    CHECK(test.input == "i");
    CHECK(test.env == Words{"K=v"});
    CHECK(test.timeout == std::chrono::milliseconds(1500));
    CHECK(test.cpu_time == std::chrono::seconds(2));
    CHECK(test.memory == 1 << 20);
    CHECK(test.pids_limit == 7);
    CHECK(test.output_limit == 10);
    CHECK(test.expected.exit_code == 3);
    CHECK(test.expected.out == "o");
    CHECK(test.expected.err_pattern == "e");
    CHECK(test.expected.out_file == "f");
    CHECK_FALSE(test.expected.err);
}

TEST_CASE("test list: what is wrong is told with its line") {
    CHECK(refusal("a\n{\"name\": \"x\", \"tiemout\": 1}")
              .find("list line 2: .tiemout: no key of a test; did you mean timeout?") == 0);
    CHECK(refusal("{\"name\": 1}").find("list line 1: .name") == 0);
    CHECK(refusal("{\"name\": \"x\", \"timeout\": -1}").find(".timeout: no time") != std::string::npos);
    CHECK(refusal(std::string("a\0b", 3)) == "list line 1: there is a NUL byte");
}

TEST_CASE("test list: shards are disjoint and make up the whole, in each order") {
    std::string text;
    for (int i = 0; i < 23; i++) text += "t" + std::to_string(i) + "\n";
    const auto all = read_tests(text, "list", {"true"});
    std::multiset<std::string> seen;
    for (std::size_t shard = 1; shard <= 4; shard++)
        for (const auto& name : names(selected(all, {.shard = shard, .shards = 4, .seed = 5}))) seen.insert(name);
    const auto whole = names(all);
    CHECK(seen == std::multiset<std::string>(whole.begin(), whole.end()));
    CHECK(names(selected(all, {.seed = 1})) == names(selected(all, {.seed = 1})));
    CHECK(names(selected(all, {.seed = 1})) != names(selected(all, {.seed = 2})));
    CHECK(names(selected(all, {})) == whole);
    CHECK(names(selected(read_tests("a", "list", {"true"}), {.repeat = 2})) == Words{"a (1/2)", "a (2/2)"});
    // The same on every machine.
    CHECK(names(selected(read_tests("a\nb\nc\nd\n", "list", {"true"}), {.seed = 42})) == Words{"b", "a", "d", "c"});
}
