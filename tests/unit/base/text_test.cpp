#include "base/text.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace minirun;
using Texts = std::vector<std::string>;

TEST_CASE("cat: strings, characters and whole numbers") {
    CHECK(cat() == "");
    CHECK(cat("a", std::string("b"), 'c', 1, -2, std::uint64_t{18446744073709551615U}) == "abc1-218446744073709551615");
    CHECK(cat(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("quote: nothing from outside breaks a line or steers a terminal") {
    CHECK(quote("plain") == "'plain'");
    CHECK(quote("") == "''");
    CHECK(quote("it's") == "'it\\'s'");
    CHECK(quote("a\nb\tc\\d") == "'a\\nb\\tc\\\\d'");
    CHECK(quote("\x1b[31m\x7f\r") == "'\\x1b[31m\\x7f\\x0d'");
    CHECK(quote(std::string_view("a\0b", 3)) == "'a\\x00b'");
    CHECK(quote("größe € 😀") == "'größe € 😀'");
    // C1 controls (a terminal takes U+009B for ESC [), line ends, and what turns the direction of text.
    CHECK(quote("\u009b31m\u2028\u202e") == "'\\xc2\\x9b31m\\xe2\\x80\\xa8\\xe2\\x80\\xae'");
    // No UTF-8: stray bytes, a cut character, an overlong '/', a surrogate, beyond Unicode.
    CHECK(quote("\xff\x80z") == "'\\xff\\x80z'");
    CHECK(quote("\xe2\x82") == "'\\xe2\\x82'");
    CHECK(quote("\xc0\xaf|\xe0\x80\xaf") == "'\\xc0\\xaf|\\xe0\\x80\\xaf'");
    CHECK(quote("\xed\xa0\x80|\xf4\x90\x80\x80") == "'\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80'");
    CHECK(printable("it's\n") == "it's\\n");
    CHECK(printable(std::string(4096, 'a')) == std::string(4096, 'a'));
    CHECK(quote(std::string(5000, 'a')) == "'" + std::string(4096, 'a') + "… (5000 bytes)'");
}

TEST_CASE("join and split are each other's inverse") {
    CHECK(join({}, ", ").empty());
    CHECK(join({"a"}, ", ") == "a");
    CHECK(join({"a", "", "b"}, ", ") == "a, , b");
    CHECK(split("", ':') == Texts{""});
    CHECK(split("a", ':') == Texts{"a"});
    CHECK(split(":a::b:", ':') == Texts{"", "a", "", "b", ""});
}

TEST_CASE("starts_with_any_of") {
    CHECK(starts_with_any_of("sha256:1", {"md5:", "sha256:"}));
    CHECK_FALSE(starts_with_any_of("sha", {"sha256:"}));
    CHECK_FALSE(starts_with_any_of("sha", {}));
}

TEST_CASE("parse_number: all of the text or nothing") {
    CHECK(parse_number<int>("42") == 42);
    CHECK(parse_number<int>("-42") == -42);
    CHECK(parse_number<std::uint32_t>("4294967295") == 4294967295U);
    for (const auto* text : {"", " 1", "1 ", "+1", "0x10", "1.0", "4294967296", "-1", "one"})
        CHECK_MESSAGE(parse_number<std::uint32_t>(text) == std::nullopt, text);
}

TEST_CASE("parse_size: Docker's sizes") {
    CHECK(parse_size("0") == 0);
    CHECK(parse_size("100") == 100);
    CHECK(parse_size("100b") == 100);
    CHECK(parse_size("64m") == 64LL << 20);
    CHECK(parse_size("64MB") == 64LL << 20);
    CHECK(parse_size("64MiB") == 64LL << 20);
    CHECK(parse_size("512K") == 512LL << 10);
    CHECK(parse_size("1.5g") == 3LL << 29);
    CHECK(parse_size("2t") == 2LL << 40);
    CHECK(parse_size("8191p") == 8191LL << 50);
    for (const auto* text : {"", "m", "-1", "+1", "1 m", " 1", "1mm", "1bi", "1bb", "1.m", ".", "1,5g", "0x10", "8192p",
                             "9223372036854775808", "1e3", "1x"})
        CHECK_MESSAGE(parse_size(text) == std::nullopt, text);
}

TEST_CASE("parse_duration") {
    constexpr std::int64_t second = 1'000'000'000;
    CHECK(parse_duration("10") == 10 * second);
    CHECK(parse_duration("2.5") == 5 * second / 2);
    CHECK(parse_duration("250ms") == second / 4);
    CHECK(parse_duration("1m30s") == 90 * second);
    CHECK(parse_duration("2h") == 7200 * second);
    CHECK(parse_duration("1.5h") == 5400 * second);
    CHECK(parse_duration("7us") == 7000);
    CHECK(parse_duration("3ns") == 3);
    CHECK(parse_duration("0") == 0);
    for (const auto* text : {"", "s", "-1s", "1 s", "1d", "1m30", "ms", "1.s", "10000000000h", "9223372036854775808ns"})
        CHECK_MESSAGE(parse_duration(text) == std::nullopt, text);
}

TEST_CASE("human_size: three figures at most") {
    CHECK(human_size(0) == "0 B");
    CHECK(human_size(312) == "312 B");
    CHECK(human_size(1023) == "1023 B");
    CHECK(human_size(1024) == "1 KiB");
    CHECK(human_size(1536) == "1.5 KiB");
    CHECK(human_size(150 << 10) == "150 KiB");
    CHECK(human_size(std::uint64_t{64} << 20) == "64 MiB");
    CHECK(human_size(std::uint64_t{5} << 30) == "5 GiB");
    CHECK(human_size(std::numeric_limits<std::uint64_t>::max()) == "16 EiB");
}
