#include "base/remove_tree.hpp"

#include "support.hpp"

namespace minirun {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST_CASE("remove_tree: files, links, directories of any depth") {
    const test::TemporaryDirectory dir;
    const auto tree = dir / "tree";
    const auto outside = dir / "outside";
    ::mkdir(outside.c_str(), 0755);
    std::ofstream(outside + "/kept") << "x";
    ::mkdir(tree.c_str(), 0755);
    std::ofstream(tree + "/file") << "x";
    CHECK(::symlink(outside.c_str(), (tree + "/link").c_str()) == 0);
    // Deeper than any path may be long: nobody can name the end of it.
    int at = ::open(tree.c_str(), O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 3000; depth++) {
        REQUIRE(::mkdirat(at, "down", 0755) == 0);
        const int next = ::openat(at, "down", O_RDONLY | O_DIRECTORY);
        ::close(at);
        at = next;
    }
    ::close(at);
    CHECK(remove_tree(tree) == 0);
    CHECK_FALSE(exists(tree));
    CHECK(exists(outside + "/kept"));
}

TEST_CASE("remove_tree: many full directories beside one another, below a long way down") {
    const test::TemporaryDirectory dir;
    const auto tree = dir / "tree";
    auto place = tree;
    ::mkdir(tree.c_str(), 0755);
    // Longer than the number of directories that are kept open.
    for (int depth = 0; depth < 400; depth++) ::mkdir((place += "/d").c_str(), 0755);
    for (const auto& wide : {tree, tree + "/d/d", place})
        for (int i = 0; i < 300; i++) {
            const auto full = wide + "/" + std::to_string(i);
            REQUIRE(::mkdir(full.c_str(), 0755) == 0);
            std::ofstream(full + "/file") << "x";
        }
    CHECK(remove_tree(tree) == 0);
    CHECK_FALSE(exists(tree));
}

TEST_CASE("remove_tree: what is not there is fine, what is no directory is not") {
    const test::TemporaryDirectory dir;
    CHECK(remove_tree(dir / "nothing") == 0);
    std::ofstream(dir / "file") << "x";
    CHECK(remove_tree(dir / "file") == ENOTDIR);
    CHECK(exists(dir / "file"));
}

}  // namespace
}  // namespace minirun
