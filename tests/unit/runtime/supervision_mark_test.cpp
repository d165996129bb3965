#include "runtime/supervision_mark.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support.hpp"

namespace minirun {
namespace {

const std::string id(64, 'a'), other = "b" + std::string(63, 'a'), beside = "ab" + std::string(62, 'a');

Paths paths_in(const test::TemporaryDirectory& dir) {
    Paths paths;
    paths.state = dir.path();
    return paths;
}

TEST_CASE("supervision mark: there as long as it is held") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    CHECK_FALSE(SupervisionMarks(paths).has(id));
    auto mark = mark_supervised(paths, id);
    REQUIRE(mark);
    SupervisionMarks marks(paths);
    CHECK(marks.has(id));
    CHECK_FALSE(SupervisionMarks(paths).has(other));
    CHECK_FALSE(mark_supervised(paths, id));
    const auto second = mark_supervised(paths, other);
    const auto near = mark_supervised(paths, beside);
    CHECK(marks.has(other));
    CHECK(marks.has(beside));
    mark.reset();
    CHECK_FALSE(marks.has(id));
    CHECK(marks.has(other));
}

TEST_CASE("supervision mark: gone with who was killed") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t holder = ::fork();
    if (holder == 0) {
        const auto mark = mark_supervised(paths, id);
        (void)!::write(ready[1], "x", 1);
        ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    SupervisionMarks marks(paths);
    CHECK(marks.has(id));
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    CHECK_FALSE(marks.has(id));
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("supervision mark: none for an id of another form, and none where no file can be") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    for (const char* word : {"", "abc", "my-container-of-an-engine", "-fffffffffffffffff"}) {
        CHECK_FALSE(mark_supervised(paths, word));
        CHECK_FALSE(SupervisionMarks(paths).has(word));
    }
    Paths nowhere;
    std::ofstream(dir / "file") << "x";
    nowhere.state = dir / "file";
    CHECK_FALSE(mark_supervised(nowhere, id));
    CHECK_FALSE(SupervisionMarks(nowhere).has(id));
}

}  // namespace
}  // namespace minirun
