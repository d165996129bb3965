#include "runtime/summary_cache.hpp"

#include "base/file.hpp"
#include "runtime/summary_text.hpp"
#include "support.hpp"

namespace minirun {
namespace {

ContainerSummary summary_of(const std::string& id) {
    ContainerSummary one;
    one.id = id;
    one.name = "web";
    one.image_name = "nginx:latest";
    one.phase = ContainerPhase::running;
    one.pid = 4711;
    one.created = "2026-03-04T05:06:07.1Z";
    one.started = "2026-03-04T05:06:08.1Z";
    one.exit_code = -3;
    one.error = "a line\nand another";
    one.restarts = 4294967295;
    one.remove = true;
    one.restart = {RestartPolicy::When::on_failure, 7};
    one.log = {.max_size = 18446744073709551615ULL, .max_files = 3, .tag = "t"};
    one.labels = {{"", "empty key"}, {"a", ""}, {"b", "c=d"}};
    one.ports = {{"::1", 8080, 80, 2, PublishedPorts::Protocol::udp}, {"", 65535, 1, 1}};
    one.args = {"sh", "", "-c"};
    return one;
}

std::optional<ContainerSummary> read(std::string_view text) {
    ContainerSummary one;
    return read_summary_text(text, one) ? std::optional(one) : std::nullopt;
}

std::optional<ContainerSummary> find(SummaryCache& cache, const std::string& id, const DirectoryLooks& looks) {
    ContainerSummary one;
    const auto* entry = cache.find(id, looks);
    if (entry == nullptr || !cache.read(*entry, one)) return std::nullopt;
    CHECK(entry->created == one.created);
    CHECK(entry->at_rest == is_at_rest(one.phase));
    return one;
}

DirectoryLooks looks(std::uint64_t inode, std::int64_t changed) {
    DirectoryLooks one;
    one.inode = inode;
    one.changed = changed;
    return one;
}

TEST_CASE("summary text: read as it was written") {
    const auto one = summary_of("abc");
    const auto again = read(summary_text(one));
    REQUIRE(again);
    CHECK(summary_text(*again) == summary_text(one));
    CHECK(again->name == "web");
    CHECK(again->phase == ContainerPhase::running);
    CHECK(again->exit_code == -3);
    CHECK(again->error == one.error);
    CHECK(again->restarts == one.restarts);
    CHECK(again->remove);
    CHECK(again->restart == one.restart);
    CHECK(again->log == one.log);
    CHECK(again->labels == one.labels);
    CHECK(again->ports == one.ports);
    CHECK(again->args == one.args);
    CHECK_FALSE(read(summary_text(ContainerSummary()))->log.max_size);
}

TEST_CASE("summary text: nothing else is read") {
    const auto text = summary_text(summary_of("abc"));
    for (std::size_t length = 0; length < text.size(); length++) CHECK_FALSE(read(text.substr(0, length)));
    CHECK_FALSE(read(text + '\0'));
    CHECK_FALSE(read(std::string(1000, '\0')));
    auto port = text;
    port.replace(port.find("65535"), 5, "65536");
    CHECK_FALSE(read(port));
}

TEST_CASE("summary cache: what was added is found as long as the directory looks like that") {
    const test::TemporaryDirectory dir;
    const auto path = dir / "cache";
    {
        SummaryCache cache(path);
        CHECK_FALSE(find(cache, "abc", looks(1, 2)));
        cache.add(summary_of("abc"), looks(1, 2));
        cache.add(summary_of("def"), looks(3, 4));
        cache.write();
    }
    SummaryCache cache(path);
    CHECK(summary_text(*find(cache, "abc", looks(1, 2))) == summary_text(summary_of("abc")));
    CHECK(find(cache, "def", looks(3, 4)));
    CHECK_FALSE(find(cache, "abc", looks(1, 3)));
    CHECK_FALSE(find(cache, "abc", looks(3, 2)));
    CHECK_FALSE(find(cache, "ghi", looks(1, 2)));
}

TEST_CASE("summary cache: of what is gone nothing is kept, and what has changed is replaced") {
    const test::TemporaryDirectory dir;
    const auto path = dir / "cache";
    const auto add = [&](const std::string& id, const DirectoryLooks& now, const std::vector<std::string>& others) {
        SummaryCache cache(path);
        for (const auto& other : others) CHECK(find(cache, other, looks(1, 1)));
        cache.add(summary_of(id), now);
        cache.write();
    };
    add("abc", looks(1, 1), {});
    add("def", looks(1, 1), {"abc"});
    add("ghi", looks(1, 1), {"def"});
    add("def", looks(1, 2), {"ghi"});
    SummaryCache cache(path);
    CHECK_FALSE(find(cache, "abc", looks(1, 1)));
    CHECK_FALSE(find(cache, "def", looks(1, 1)));
    CHECK(find(cache, "def", looks(1, 2)));
    CHECK(find(cache, "ghi", looks(1, 1)));
}

TEST_CASE("summary cache: nothing of a damaged one is found") {
    const test::TemporaryDirectory dir;
    const auto path = dir / "cache";
    {
        SummaryCache cache(path);
        cache.add(summary_of("abc"), looks(1, 2));
        cache.write();
    }
    const auto whole = read_file(path, 1 << 20);
    const auto is_found = [&](const std::string& text) {
        replace_file(path, text, 0600);
        SummaryCache cache(path);
        return find(cache, "abc", looks(1, 2)).has_value();
    };
    REQUIRE(is_found(whole));
    for (std::size_t length = 0; length < whole.size(); length++) CHECK_FALSE(is_found(whole.substr(0, length)));
    for (std::size_t at = 0; at < whole.size(); at++) {
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        CHECK_FALSE(is_found(damaged));
    }
    CHECK_FALSE(is_found(whole + "x"));
    CHECK_FALSE(is_found(std::string(5000, '\0')));
    CHECK(is_found(whole));
}

}  // namespace
}  // namespace minirun
