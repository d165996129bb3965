#include "image/changes.hpp"

#include <fcntl.h>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using Texts = std::vector<std::string>;

namespace {

// Two layers, "0" and "1", below a writable one, "up".
class TestTree : public TemporaryDirectory {
public:
    TestTree() {
        for (const auto* name : {"0", "1", "up"}) directory(name);
    }
    void opaque(std::string_view name) const {
        directory(name);
        REQUIRE(attribute(name, "user.overlay.opaque", "y"));
    }
    WritableLayer layer(int fd) const {
        return {fd, {{"lower", *this / "0"}, {"upper", *this / "1"}}, {}, OverlayAttributes::user, {}, {}};
    }
    Changes changes(const std::vector<std::string>& made_for_it = {}, std::size_t most = most_changes) const {
        const Fd up(::open((*this / "up").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        auto all = layer(up.get());
        all.made_for_it = made_for_it;
        return find_changes(all, most);
    }
};

Texts paths(const std::vector<Change>& changes) {
    Texts all;
    for (const auto& one : changes) all.push_back(one.path);
    return all;
}

// "+/a ~/b -/c", and how many were left out.
std::string text(const Changes& changes) {
    std::string all;
    for (const auto& path : paths(changes.added)) all += "+" + path + " ";
    for (const auto& path : paths(changes.modified)) all += "~" + path + " ";
    for (const auto& path : paths(changes.deleted)) all += "-" + path + " ";
    return all + std::to_string(changes.omitted);
}

}  // namespace

TEST_CASE("changes: added, modified, deleted") {
    const TestTree tree;
    tree.file("0/etc/passwd", "root");
    tree.file("1/etc/group", "12345");
    tree.file("0/gone", "123");
    tree.file("up/etc/passwd", "root and more");
    tree.file("up/new/file", "1234");
    REQUIRE(tree.whiteout_device("up/gone"));
    REQUIRE(tree.whiteout_device("up/never"));
    const auto changes = tree.changes();
    CHECK(text(changes) == "+/new +/new/file ~/etc/passwd -/gone 0");
    CHECK(changes.modified[0].size == 13);
    CHECK(changes.added[1].size == 4);
    CHECK(S_ISDIR(changes.added[0].mode));
    CHECK((changes.deleted[0].size == 3 && S_ISREG(changes.deleted[0].mode)));
}

TEST_CASE("changes: a directory that was only copied up is none, one with another mode is") {
    const TestTree tree;
    tree.directory("0/a/b");
    tree.directory("up/a/b");
    CHECK(text(tree.changes()) == "0");
    REQUIRE(chmod((tree / "up/a/b").c_str(), 0700) == 0);
    CHECK(text(tree.changes()) == "~/a/b 0");
}

TEST_CASE("changes: what an opaque directory hides is deleted") {
    const TestTree tree;
    tree.file("0/d/old");
    tree.file("1/d/kept");
    tree.file("0/d/deep/x");
    tree.file("0/d/deep/y");
    tree.opaque("up/d");
    tree.file("up/d/kept");
    tree.file("up/d/new");
    tree.file("up/d/deep/y");
    CHECK(text(tree.changes()) == "+/d/new ~/d/deep/y ~/d/kept -/d/deep/x -/d/old 0");
}

TEST_CASE("changes: an attribute that overlayfs does not mean here is the container's own") {
    const TestTree tree;
    tree.file("0/d/old");
    tree.opaque("up/d");
    const Fd up(::open((tree / "up").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto layer = tree.layer(up.get());
    layer.attributes = OverlayAttributes::trusted;
    CHECK(text(find_changes(layer)) == "0");
}

TEST_CASE("changes: one type for another") {
    const TestTree tree;
    tree.file("0/was-directory/x");
    tree.file("0/was-file");
    tree.file("up/was-directory");
    tree.file("up/was-file/x");
    CHECK(text(tree.changes()) == "+/was-file/x ~/was-directory ~/was-file 0");
}

TEST_CASE("changes: links are not followed, neither above nor below") {
    const TestTree tree;
    tree.file("0/real/secret");
    tree.link("0/link", "/real");
    tree.file("up/link/secret", "not the one below");
    tree.link("up/out", "/etc");
    CHECK(text(tree.changes()) == "+/link/secret +/out ~/link 0");
}

TEST_CASE("changes: what was made for mounts is none, unless something is in it") {
    const TestTree tree;
    tree.directory("up/a/b/c");
    tree.file("up/etc/hosts");
    tree.directory("0/etc");
    CHECK(text(tree.changes({"/a/b/c", "/etc/hosts"})) == "0");
    CHECK(text(tree.changes()) == "+/a +/a/b +/a/b/c +/etc/hosts 0");
    tree.file("up/a/b/mine");
    tree.file("up/etc/hosts", "127.0.0.1 a");
    CHECK(text(tree.changes({"/a/b/c", "/etc/hosts"})) == "+/a +/a/b +/a/b/mine +/etc/hosts 0");
}

TEST_CASE("changes: the first ones by path are told, the others counted") {
    const TestTree tree;
    for (int i = 100; i < 200; i++) tree.file(cat("up/d/", i));
    CHECK(text(tree.changes({}, 3)) == "+/d +/d/100 +/d/101 98");
}

TEST_CASE("changes: any name, however deep") {
    const TestTree tree;
    const std::string hostile = "up/\x1b[31m\n\xff..";
    tree.file(hostile);
    CHECK(paths(tree.changes().added) == Texts{hostile.substr(2)});
    // By descriptor: no path reaches that far down.
    Fd here(::open((tree / "up").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string name(100, 'd');
    for (int i = 0; i < 1000; i++) {
        REQUIRE(::mkdirat(here.get(), name.c_str(), 0755) == 0);
        here.reset(::openat(here.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    const auto changes = tree.changes();
    CHECK(changes.added.size() == 41);
    CHECK(changes.omitted == 1);
}

TEST_CASE("changes: given up when it is asked to") {
    const TestTree tree;
    for (int i = 0; i < 1000; i++) tree.file(cat("up/", i));
    const Fd up(::open((tree / "up").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto changes = find_changes(tree.layer(up.get()), most_changes, [] { return true; });
    CHECK(changes.added.size() == 255);
    CHECK(changes.omitted == 1);
}

TEST_CASE("changes: ids of a user namespace") {
    const TestTree tree;
    tree.directory("0/a");
    tree.directory("up/a");
    const Fd up(::open((tree / "up").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto layer = tree.layer(up.get());
    layer.uids = layer.gids = {{geteuid() + 5, geteuid(), 1}};
    CHECK(text(find_changes(layer)) == "~/a 0");
}
