#include "cli/command_line.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "support.hpp"

using namespace minirun;
using Words = std::vector<std::string>;

namespace {

constexpr OptionWords table[] = {
    {0, "", "", "First"},
    {'a', "all", "", "everything"},
    {'n', "name", "NAME", "what it is called"},
    {'i', "interactive", "", "with input"},
    {'t', "tty", "", "with a terminal"},
    {0, "", "", "Second"},
    {0, "upper", "[=SIZE]", "in memory"},
    {0, "nickname", "NAME", ""},
    {0, "unit", "KEY=VALUE,…", "with a character of three bytes"},
};
constexpr UnsupportedOption not_yet[] = {{'p', "publish"}, {0, "restart"}};

CommandLine read(const Words& words) {
    Words copy = words;
    copy.insert(copy.begin(), "command");
    std::vector<char*> argv;
    for (auto& word : copy) argv.push_back(word.data());
    return read_command_line(table, not_yet, static_cast<int>(argv.size()), argv.data());
}

// "name=x all upper | rest": what was read, in one line.
std::string shown(const Words& words) {
    const auto line = read(words);
    std::string text;
    for (const auto& given : line.options) {
        text += std::string(table[given.index].name);
        if (!given.on) text += "(off)";
        if (given.has_value && !table[given.index].argument.empty()) text += "=" + given.value;
        text += ' ';
    }
    return text + "| " + join(line.arguments, " ");
}
std::string refused(const Words& words) {
    return test::error_text([&] { read(words); });
}

}  // namespace

TEST_CASE("command line: every way to write an option") {
    const struct {
        Words words;
        const char* expected;
    } rows[] = {
        {{}, "| "},
        {{"image"}, "| image"},
        {{"--name", "x", "image"}, "name=x | image"},
        {{"--name=x", "image"}, "name=x | image"},
        {{"--name="}, "name= | "},
        {{"--name=a=b"}, "name=a=b | "},
        {{"--name", "--all"}, "name=--all | "},
        {{"--name", "--"}, "name=-- | "},
        {{"-n", "x"}, "name=x | "},
        {{"-nx"}, "name=x | "},
        {{"-n=x"}, "name=x | "},
        {{"-n=a=b"}, "name=a=b | "},
        {{"-na=b"}, "name=a=b | "},
        {{"-it"}, "interactive tty | "},
        {{"-itn", "x"}, "interactive tty name=x | "},
        {{"-itnx"}, "interactive tty name=x | "},
        {{"-nit"}, "name=it | "},
        {{"--all"}, "all | "},
        {{"--all=true"}, "all | "},
        {{"--all=false"}, "all(off) | "},
        {{"--all=0"}, "all(off) | "},
        {{"-a=false"}, "all(off) | "},
        {{"-it=false"}, "interactive tty(off) | "},
        {{"--all", "false"}, "all | false"},
        {{"--upper"}, "upper | "},
        {{"--upper", "64m"}, "upper | 64m"},
        {{"--upper=64m"}, "upper=64m | "},
        {{"--name", "a", "--name", "b"}, "name=a name=b | "},
        {{"image", "--name", "x", "-z"}, "| image --name x -z"},
        {{"--all", "--", "--name", "x"}, "all | --name x"},
        {{"--", "--"}, "| --"},
        {{"-", "--all"}, "| - --all"},
        {{"", "--all"}, "|  --all"},
    };
    for (const auto& row : rows) {
        CAPTURE(join(row.words, " "));
        CHECK(shown(row.words) == row.expected);
    }
}

TEST_CASE("command line: what is refused, and what may have been meant") {
    const struct {
        Words words;
        const char* expected;
    } rows[] = {
        {{"--nmae", "x"}, "unknown option '--nmae' | did you mean --name?"},
        {{"--nick=x"}, "unknown option '--nick' | did you mean --nickname?"},
        {{"--interactiv"}, "unknown option '--interactiv' | did you mean --interactive?"},
        {{"--qqqq"}, "unknown option '--qqqq' | --help lists the options"},
        {{"--=x"}, "unknown option '--' | --help lists the options"},
        {{"---all"}, "unknown option '---all' | did you mean --all?"},
        {{"--al\x1bl"}, "unknown option '--al\\x1bl' | did you mean --all?"},
        {{"-z"}, "unknown option '-z' | --help lists the options"},
        {{"-iz"}, "unknown option '-z' in '-iz' | --help lists the options"},
        {{"-upper"}, "unknown option '-u' in '-upper' | did you mean --upper?"},
        {{"-upper=1m"}, "unknown option '-u' in '-upper=1m' | did you mean --upper?"},
        {{"--name"}, "--name needs a value | write --name NAME"},
        {{"-itn"}, "-n needs a value | write -n NAME"},
        {{"--all=perhaps"}, "--all is true or false, not 'perhaps' | a switch takes a value only behind '='"},
        {{"--all="}, "--all is true or false, not '' | a switch takes a value only behind '='"},
        {{"--publish", "80:80"}, "--publish is not supported yet | --help lists the options"},
        {{"--restart=always"}, "--restart is not supported yet | --help lists the options"},
        {{"-p", "80:80"}, "--publish (-p) is not supported yet | --help lists the options"},
        {{"-ip80"}, "--publish (-p) is not supported yet | --help lists the options"},
    };
    for (const auto& row : rows) {
        CAPTURE(join(row.words, " "));
        CHECK(refused(row.words) == row.expected);
        CHECK(test::error_kind([&] { read(row.words); }) == ErrorKind::usage);
    }
}

TEST_CASE("command line: help has groups, and one column for what options do") {
    CHECK(options_help(table) ==
          "\n"
          "First:\n"
          "  -a, --all                       everything\n"
          "  -n, --name NAME                 what it is called\n"
          "  -i, --interactive               with input\n"
          "  -t, --tty                       with a terminal\n"
          "\n"
          "Second:\n"
          "      --upper[=SIZE]              in memory\n"
          "      --unit KEY=VALUE,…          with a character of three bytes\n");
}

TEST_CASE("nearest_word") {
    constexpr std::string_view words[] = {"volume", "volumes-from", "name", "run", "explain", "uts", "user"};
    const struct {
        const char *typed, *nearest;
    } rows[] = {
        {"rnu", "run"},
        {"run", "run"},
        {"exlpain", "explain"},
        {"exp", "explain"},
        {"vloume", "volume"},
        {"uesr", "user"},
        {"completely", ""},
        {"x", ""},
        {"", ""},
        {"usr", "user"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.typed);
        CHECK(nearest_word(row.typed, words) == row.nearest);
    }
}
