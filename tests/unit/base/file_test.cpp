#include "base/file.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

std::size_t entries_in(const std::string& directory) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("read_file: the whole text, up to the limit") {
    const TemporaryDirectory dir;
    CHECK(read_file(dir.file("empty"), 0) == "");
    CHECK(read_file(dir.file("a", "abc"), 3) == "abc");
    CHECK(read_file(dir.file("nul", std::string_view("a\0b", 3)), 10) == std::string("a\0b", 3));
    const std::string long_text(100'000, 'x');
    CHECK(read_file(dir.file("long", long_text), 100'000) == long_text);
    CHECK(read_file(dir.file("page", std::string(4096, 'p')), 4096).size() == 4096);
    CHECK(read_file(dir.link("link", "a"), 3) == "abc");
}

TEST_CASE("read_file: a file of the kernel, whose size is 0") {
    CHECK(read_file("/proc/self/stat", 4096).starts_with(cat(getpid(), " (")));
}

TEST_CASE("read_file: what is too long") {
    const TemporaryDirectory dir;
    const auto path = dir.file("a", "abcd");
    CHECK(error_text([&] { read_file(path, 3); }) == cat("'", path, "' is larger than the limit of 3 B | "));
    CHECK(error_kind([&] { read_file(path, 3); }) == ErrorKind::bad_input);
    CHECK(error_text([] { read_file("/proc/self/smaps", 16); }).find("limit of 16 B") != std::string::npos);
}

TEST_CASE("read_file: what is not there, and what is no regular file, at once") {
    const TemporaryDirectory dir;
    const auto missing = dir / "miss'ing";
    CHECK(error_text([&] { read_file(missing, 9); }) ==
          cat("cannot open '", dir.path(), "/miss\\'ing': No such file or directory | "));
    CHECK(error_kind([&] { read_file(missing, 9); }) == ErrorKind::not_found);
    CHECK(error_text([&] { read_file(dir.path(), 9); }) == cat("'", dir.path(), "' is a directory, not a file | "));
    const auto fifo = dir.fifo("fifo");  // nobody writes: an open that waits would hang the test
    CHECK(error_text([&] { read_file(fifo, 9); }) == cat("'", fifo, "' is not a regular file | "));
    CHECK(error_text([] { read_file("/dev/zero", 9); }) == "'/dev/zero' is not a regular file | ");
}

TEST_CASE("read_optional_file: nothing is only for what is not there") {
    const TemporaryDirectory dir;
    CHECK(read_optional_file(dir / "missing", 9) == std::nullopt);
    CHECK(read_optional_file(dir.file("a", "abc") + "/below", 9) == std::nullopt);
    CHECK(read_optional_file(dir / "a", 9) == "abc");
    CHECK(error_text([&] { read_optional_file(dir.path(), 9); }) ==
          cat("'", dir.path(), "' is a directory, not a file | "));
    CHECK(error_kind([&] { read_optional_file(dir.link("loop", "loop"), 9); }) == ErrorKind::system);
}

TEST_CASE("read_fd: to the end of a pipe") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const Fd in(ends[0]);
    Fd out(ends[1]);
    REQUIRE(write(out.get(), "hello", 5) == 5);
    out.reset();
    CHECK(read_fd(in.get(), "standard input", 5) == "hello");
    CHECK(read_fd(in.get(), "standard input", 5).empty());
    CHECK(error_text([] { read_fd(-1, "standard input", 5); }) ==
          "cannot read 'standard input': Bad file descriptor | ");
}

TEST_CASE("write_file_atomically: makes and replaces, with just that mode") {
    const TemporaryDirectory dir;
    const auto mask = umask(077);
    write_file_atomically(dir / "state", "one", 0644);
    CHECK(dir.text("state") == "one");
    CHECK(mode_of(dir / "state") == 0644);
    write_file_atomically(dir / "state", "two, longer", 0600);
    umask(mask);
    CHECK(dir.text("state") == "two, longer");
    CHECK(mode_of(dir / "state") == 0600);
    CHECK(entries_in(dir.path()) == 1);
}

TEST_CASE("write_file_atomically: replaces a link, not what it leads to") {
    const TemporaryDirectory dir;
    dir.file("other", "untouched");
    dir.link("state", "other");
    write_file_atomically(dir / "state", "new", 0600);
    CHECK(dir.text("other") == "untouched");
    CHECK(dir.text("state") == "new");
}

TEST_CASE("write_file_atomically: a failure leaves what was there and nothing else") {
    const TemporaryDirectory dir;
    CHECK(error_text([&] { write_file_atomically(dir / "no/state", "x", 0600); }) ==
          cat("cannot make a file beside '", dir.path(), "/no/state': No such file or directory | "));
    dir.file("full/inside", "kept");
    CHECK(error_text([&] { write_file_atomically(dir / "full", "x", 0600); }) ==
          cat("cannot replace '", dir.path(), "/full': Is a directory | "));
    CHECK(dir.text("full/inside") == "kept");
    CHECK(entries_in(dir.path()) == 1);
}

TEST_CASE("real_path and is_directory") {
    const TemporaryDirectory dir;
    dir.directory("a/b");
    dir.link("link", "a");
    CHECK(real_path(dir / "link/../link/b/.") == dir / "a/b");
    CHECK(error_text([&] { real_path(dir / "nowhere"); }) ==
          cat("cannot find '", dir.path(), "/nowhere': No such file or directory | "));
    CHECK(is_directory(dir / "link"));
    CHECK_FALSE(is_directory(dir.file("file")));
    CHECK_FALSE(is_directory(dir / "nowhere"));
}
