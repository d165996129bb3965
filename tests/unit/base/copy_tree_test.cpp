#include "base/copy_tree.hpp"

#include <fcntl.h>
#include <sys/xattr.h>

#include "minirun/error.hpp"
#include "support.hpp"

namespace minirun {
namespace {

struct stat status_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info;
}

TEST_CASE("copy_tree: all that makes a layer comes along, and nothing is shared") {
    const test::TemporaryDirectory dir;
    dir.file("from/a/file", "text");
    REQUIRE(::chmod((dir / "from/a/file").c_str(), 04751) == 0);
    REQUIRE(::link((dir / "from/a/file").c_str(), (dir / "from/second").c_str()) == 0);
    dir.link("from/link", "/nowhere/at/all");
    dir.fifo("from/fifo");
    dir.file("from/empty");
    const bool whiteout = dir.whiteout_device("from/gone");
    const bool attribute = dir.attribute("from/a", "user.overlay.opaque", "y");
    const timespec times[2] = {{1, 2}, {1000000000, 123456789}};
    REQUIRE(::utimensat(AT_FDCWD, (dir / "from/a").c_str(), times, 0) == 0);

    copy_tree(dir / "from", dir / "to");

    CHECK(dir.text("to/a/file") == "text");
    CHECK((status_of(dir / "to/a/file").st_mode & 07777) == 04751);
    CHECK(status_of(dir / "to/a/file").st_ino == status_of(dir / "to/second").st_ino);
    CHECK(status_of(dir / "to/a/file").st_ino != status_of(dir / "from/a/file").st_ino);
    CHECK(status_of(dir / "to/a/file").st_nlink == 2);
    CHECK(S_ISLNK(status_of(dir / "to/link").st_mode));
    CHECK(S_ISFIFO(status_of(dir / "to/fifo").st_mode));
    CHECK(status_of(dir / "to/empty").st_size == 0);
    CHECK(status_of(dir / "to/a").st_mtim.tv_nsec == 123456789);
    if (whiteout) CHECK(S_ISCHR(status_of(dir / "to/gone").st_mode));
    char value[4] = "";
    if (attribute) CHECK(::getxattr((dir / "to/a").c_str(), "user.overlay.opaque", value, sizeof value) == 1);
}

TEST_CASE("copy_tree: a sparse file stays one") {
    const test::TemporaryDirectory dir;
    dir.file("from/sparse", "begin");
    constexpr off_t size = 64 << 20;
    REQUIRE(::truncate((dir / "from/sparse").c_str(), size) == 0);
    copy_tree(dir / "from", dir / "to");
    CHECK(status_of(dir / "to/sparse").st_size == size);
    CHECK(status_of(dir / "to/sparse").st_blocks < 1024);
    CHECK(dir.text("to/sparse").substr(0, 6) == std::string("begin\0", 6));
}

TEST_CASE("copy_tree: what is there already, or is not there") {
    const test::TemporaryDirectory dir;
    dir.file("from/x");
    dir.directory("to");
    CHECK(test::error_text([&] { copy_tree(dir / "from", dir / "to"); }).find("cannot copy '") == 0);
    CHECK(test::error_text([&] { copy_tree(dir / "none", dir / "other"); }).find("cannot copy '") == 0);
}

}  // namespace
}  // namespace minirun
