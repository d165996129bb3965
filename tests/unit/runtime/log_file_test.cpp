#include "runtime/log_file.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "base/file.hpp"
#include "support.hpp"

namespace minirun {
namespace {

std::vector<LogEntry> entries_of(const std::string& path, const LogRange& range = {}) {
    std::vector<LogEntry> all;
    read_log(path, range, [&](const LogEntry& entry) { all.push_back(entry); });
    return all;
}

std::string texts_of(const std::string& path, const LogRange& range = {}) {
    std::string all;
    for (const auto& entry : entries_of(path, range)) all += (entry.is_error ? "2:" : "1:") + entry.text + "|";
    return all;
}

std::string all_of(const std::string& path) { return read_file(path, 1 << 24); }

TEST_CASE("log: lines, whatever pieces they come in") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {});
    log.write(1, "one\ntw");
    log.write(2, "error\n");
    log.write(1, "o\n\nno end");
    CHECK(texts_of(dir / "log") == "1:one\n|2:error\n|1:two\n|1:\n|");
    log.finish();
    CHECK(texts_of(dir / "log") == "1:one\n|2:error\n|1:two\n|1:\n|1:no end|");
}

TEST_CASE("log: bytes that JSON does not take as they are") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {});
    log.write(1, std::string_view("\"\\\x1b[0m\0\xff\xc3\xa4\n", 11));
    CHECK(entries_of(dir / "log").at(0).text == std::string_view("\"\\\x1b[0m\0\xef\xbf\xbd\xc3\xa4\n", 13));
}

TEST_CASE("log: a very long line is several entries, and only the last has an end") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {});
    log.write(1, std::string(40000, 'x') + "\n");
    const auto entries = entries_of(dir / "log");
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].text.size() == 16384);
    CHECK(entries[2].text == std::string(40000 - 2 * 16384, 'x') + "\n");
}

TEST_CASE("log: what a writer that was killed has left of a line goes, at any byte") {
    const test::TemporaryDirectory dir;
    {
        LogFile log(dir / "whole", {});
        log.write(1, "first\nsecond\n");
    }
    const auto whole = all_of(dir / "whole");
    const auto second = whole.find('\n') + 1;
    for (std::size_t size = 0; size < whole.size(); size++) {
        std::ofstream(dir / "log") << whole.substr(0, size);
        LogFile log(dir / "log", {});
        log.write(1, "new\n");
        CHECK(texts_of(dir / "log") == (size < second ? "1:new\n|" : "1:first\n|1:new\n|"));
    }
}

TEST_CASE("log: a full disk loses lines, and never mixes two") {
    const test::TemporaryDirectory dir;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    {
        LogFile log(dir / "log", {});
        const rlimit little{1000, before.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &little);
        auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
        for (int i = 0; i < 100; i++) log.write(1, "line " + std::to_string(i) + "\nand more\n");
        ::setrlimit(RLIMIT_FSIZE, &before);
        log.write(1, "at last\n");
        ::signal(SIGXFSZ, handler);
    }
    const auto entries = entries_of(dir / "log");
    CHECK(entries.size() > 5);
    CHECK(entries.back().text == "at last\n");
    const auto text = all_of(dir / "log");
    CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == entries.size());
}

TEST_CASE("log: a new file when one is full, and the oldest goes") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {true, 300, 3});
    for (int i = 0; i < 20; i++) log.write(1, std::to_string(i) + "\n");
    CHECK(all_of(dir / "log").size() <= 300);
    CHECK(all_of(dir / "log.2").size() <= 300);
    CHECK_FALSE(read_optional_file(dir / "log.3", 1000));
    const auto entries = entries_of(dir / "log");
    for (std::size_t i = 0; i < entries.size(); i++)
        CHECK(entries[i].text == std::to_string(20 - entries.size() + i) + "\n");
    CHECK(entries.size() >= 6);
}

TEST_CASE("log: one file alone begins anew") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {true, 300, 1});
    for (int i = 0; i < 20; i++) log.write(1, std::to_string(i) + "\n");
    CHECK(all_of(dir / "log").size() <= 300);
    CHECK(entries_of(dir / "log").back().text == "19\n");
    CHECK_FALSE(read_optional_file(dir / "log.1", 1000));
}

TEST_CASE("log: which entries are wanted") {
    const test::TemporaryDirectory dir;
    std::string text;
    for (int i = 1; i < 6; i++)
        text += "{\"log\":\"" + std::to_string(i) + "\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-0" +
                std::to_string(i) + "T00:00:00.000000000Z\"}\n";
    std::ofstream(dir / "log") << text << "no entry\n{\"log\":\"half";
    CHECK(texts_of(dir / "log") == "1:1\n|1:2\n|1:3\n|1:4\n|1:5\n|");
    CHECK(texts_of(dir / "log", {.last = 2}) == "1:4\n|1:5\n|");
    CHECK(texts_of(dir / "log", {.last = 0}).empty());
    CHECK(texts_of(dir / "log", {.since = "2026-01-02T00:00:00.000000000Z",
                                 .until = "2026-01-03T00:00:00.000000000Z"}) == "1:2\n|1:3\n|");
    CHECK(texts_of(dir / "nothing").empty());
}

TEST_CASE("log: none where none is wanted") {
    const test::TemporaryDirectory dir;
    LogFile log(dir / "log", {.kept = false});
    log.write(1, "x\n");
    log.finish();
    CHECK_FALSE(read_optional_file(dir / "log", 10));
}

}  // namespace
}  // namespace minirun
