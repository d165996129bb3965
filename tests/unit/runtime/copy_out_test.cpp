#include "runtime/copy_out.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <random>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/openat2.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

Fd path_to(const std::string& path) { return Fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)); }

// A tree "from/t", and the directory "to" that it is copied to.
class TestTree : public TemporaryDirectory {
public:
    TestTree() {
        directory("from/t");
        directory("to");
    }
    CopiedOut copy(const std::string& name = "t", const std::function<bool()>& stop = {}) const {
        return copy_out(path_to(*this / ("from/" + name)), Fd(::open((*this / "to").c_str(), O_RDONLY | O_CLOEXEC)),
                        name, stop);
    }
    struct stat copied(std::string_view name) const {
        struct stat info {};
        CHECK(::lstat((*this / "to" + '/' + std::string(name)).c_str(), &info) == 0);
        return info;
    }
    bool has(std::string_view name) const {
        struct stat info {};
        return ::lstat((*this / "to" + '/' + std::string(name)).c_str(), &info) == 0;
    }
};

// Whether following it stays beneath the root of the copy; that it leads nowhere is no harm.
bool stays_within(const Fd& root, const std::string& path) {
    const auto opened =
        kernel::open_beneath(root.get(), path.c_str(), O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    const Fd fd(opened ? opened.value() : -1);
    return opened.error() != EXDEV;
}

}  // namespace

TEST_CASE("copy out: files and directories, with modes and times, without what gives rights") {
    const TestTree tree;
    tree.file("from/t/a/f", "12345");
    REQUIRE(::chmod((tree / "from/t/a/f").c_str(), 06751) == 0);
    REQUIRE(::chmod((tree / "from/t/a").c_str(), 03750) == 0);
    const timespec times[2] = {{1, 0}, {1234567, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (tree / "from/t/a").c_str(), times, 0) == 0);
    const auto done = tree.copy();
    CHECK((done.files == 1 && done.bytes == 5 && done.skipped == 0));
    CHECK(tree.text("to/t/a/f") == "12345");
    CHECK((tree.copied("t/a/f").st_mode & 07777u) == 0751);
    CHECK((tree.copied("t/a").st_mode & 07777u) == 0750);
    CHECK(tree.copied("t/a").st_mtime == 1234567);
}

TEST_CASE("copy out: one file") {
    const TestTree tree;
    tree.file("from/f", "123");
    CHECK(tree.copy("f").files == 1);
    CHECK(tree.text("to/f") == "123");
}

TEST_CASE("copy out: what would block, or is no file, is left out") {
    const TestTree tree;
    tree.fifo("from/t/pipe");
    tree.file("from/t/kept");
    const auto done = tree.copy();
    CHECK((done.files == 1 && done.skipped == 1 && done.first_skipped == "/pipe"));
    tree.fifo("from/p");
    const auto alone = tree.copy("p");
    CHECK((alone.skipped == 1 && alone.first_skipped.empty()));
    CHECK_FALSE(tree.has("p"));
}

TEST_CASE("copy out: nothing of the kernel's own file systems") {
    const TestTree tree;
    const Fd to(::open((tree / "to").c_str(), O_RDONLY | O_CLOEXEC));
    for (const auto* path : {"/proc", "/proc/self/status", "/sys/kernel", "/sys/kernel/profiling"}) {
        const auto source = path_to(path);
        if (!source) continue;
        CHECK(copy_out(source, to, "x", {}).skipped == 1);
        CHECK_FALSE(tree.has("x"));
    }
}

TEST_CASE("copy out: a sparse file stays one") {
    const TestTree tree;
    tree.file("from/t/sparse", "begin");
    constexpr off_t size = off_t{1} << 40;
    const Fd file(::open((tree / "from/t/sparse").c_str(), O_WRONLY | O_CLOEXEC));
    if (::ftruncate(file.get(), size) < 0) return skip("this file system has no files of 1 TiB");
    REQUIRE(::pwrite(file.get(), "end", 3, size - 3) == 3);
    const auto done = tree.copy();
    CHECK(done.bytes < 1 << 20);
    CHECK(tree.copied("t/sparse").st_size == size);
    CHECK(tree.copied("t/sparse").st_blocks < 4096);
    const Fd copy(::open((tree / "to/t/sparse").c_str(), O_RDONLY | O_CLOEXEC));
    char end[3] = {};
    CHECK((::pread(copy.get(), end, 3, size - 3) == 3 && std::string_view(end, 3) == "end"));
}

TEST_CASE("copy out: hard links stay hard links") {
    const TestTree tree;
    tree.file("from/t/0", "content");
    tree.directory("from/t/d");
    for (int i = 1; i < 100; i++)
        REQUIRE(::link((tree / "from/t/0").c_str(), (tree / cat("from/t/", i % 2 == 0 ? "" : "d/", i)).c_str()) == 0);
    const auto done = tree.copy();
    CHECK((done.files == 1 && done.bytes == 7 && done.skipped == 0));
    CHECK(tree.copied("t/0").st_nlink == 100);
    CHECK(tree.copied("t/0").st_ino == tree.copied("t/d/99").st_ino);
}

TEST_CASE("copy out: which links lead to a name within") {
    for (const auto* target : {"a", "./a", "a/b", "a/./b//c", "."}) CHECK(is_link_within(target, 0));
    for (const auto* target : {"..", "../a", "/", "/a", "", "a/..", "a/../b", "./..", "a/../../etc/shadow"})
        CHECK_FALSE(is_link_within(target, 0));
    for (const auto* target : {"..", "../a", "../../a/b", ".././../a", "../.."}) CHECK(is_link_within(target, 2));
    for (const auto* target : {"../../..", "../../../a", "../a/..", "/a"}) CHECK_FALSE(is_link_within(target, 2));
}

TEST_CASE("copy out: links that lead out are left out") {
    const TestTree tree;
    tree.file("from/secret", "not to be had");
    tree.link("from/t/shadow", "/etc/shadow");
    tree.link("from/t/up", "../secret");
    tree.link("from/t/d/fine", "../kept");
    // The one leads to the root of the copy, and by way of it the other would lead out.
    tree.link("from/t/d/e/root", "../..");
    tree.link("from/t/clever", "d/e/root/../secret");
    tree.file("from/t/kept");
    const auto done = tree.copy();
    CHECK((done.files == 1 && done.skipped == 3));
    CHECK((tree.has("t/d/fine") && tree.has("t/d/e/root")));
    CHECK_FALSE((tree.has("t/shadow") || tree.has("t/up") || tree.has("t/clever")));
}

TEST_CASE("copy out: whatever links there are, none of the copy's leads out of it") {
    std::mt19937 random(20240601);
    const auto below = [&](std::size_t end) { return random() % end; };
    std::size_t links = 0;
    for (int round = 0; round < 60; round++) {
        const TestTree tree;
        std::vector<std::string> directories{"t"}, names;
        for (int i = 0; i < 6; i++) {
            directories.push_back(cat(directories[below(directories.size())], "/d", i));
            tree.directory("from/" + directories.back());
        }
        for (int i = 0; i < 25; i++) {
            std::string target = below(8) == 0 ? "/" : "";
            for (auto parts = 1 + below(5); parts > 0; parts--) {
                const auto part = below(3);
                target += part == 0 ? "../" : part == 1 ? cat("d", below(6), '/') : cat("l", below(25), '/');
            }
            target.pop_back();
            if (target.empty()) target = "/";
            names.push_back(cat(directories[below(directories.size())], "/l", i));
            tree.link("from/" + names.back(), target);
        }
        (void)tree.copy();
        const Fd root(::open((tree / "to/t").c_str(), O_PATH | O_CLOEXEC));
        for (const auto& name : names) {
            if (!tree.has(name)) continue;
            links++;
            CHECK_MESSAGE(stays_within(root, name.substr(2)), name, " -> ",
                          std::filesystem::read_symlink(tree / "to/" + name).string());
        }
    }
    CHECK(links > 100);
}

TEST_CASE("copy out: a tree that is too deep is cut") {
    const TestTree tree;
    auto here = path_to(tree / "from/t");
    for (int i = 0; i < 1000; i++) {
        REQUIRE(::mkdirat(here.get(), "d", 0755) == 0);
        here.reset(::openat(here.get(), "d", O_PATH | O_CLOEXEC));
    }
    const auto done = tree.copy();
    CHECK((done.skipped == 1 && done.first_skipped.size() == 402));
}

TEST_CASE("copy out: any name") {
    const TestTree tree;
    const std::string name = "t/\x1b[2J\n\xff..\\";
    tree.file("from/" + name, "1");
    CHECK(tree.copy().files == 1);
    CHECK(tree.text("to/" + name) == "1");
}

TEST_CASE("copy out: nothing is written over, nor through a link") {
    const TestTree tree;
    tree.file("from/f", "new");
    tree.file("from/old", "old");
    tree.link("to/f", "../from/old");
    CHECK(error_text([&] { tree.copy("f"); }).starts_with("cannot write the copy"));
    CHECK(tree.text("from/old") == "old");
    tree.link("to/t", "../from");
    CHECK(error_text([&] { tree.copy(); }).starts_with("cannot write the copy"));
}

TEST_CASE("copy out: given up when it is asked to") {
    const TestTree tree;
    tree.file("from/t/f", "1");
    CHECK(error_text([&] { tree.copy("t", [] { return true; }); }) == "interrupted | ");
}
