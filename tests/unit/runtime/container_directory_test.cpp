#include "runtime/container_directory.hpp"

#include <sys/wait.h>

#include <memory>

#include "base/file.hpp"
#include "support.hpp"

namespace minirun {
namespace {

Paths paths_in(const test::TemporaryDirectory& dir) {
    return {dir / "data",       dir / "state",    dir / "data/containers", dir / "state/names", dir / "state/processes",
            dir / "data/cache", dir / "networks", dir / "state/networks"};
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST_CASE("container directory: there while it is held, gone with it") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    {
        const ContainerDirectory held(paths, "abc", "");
        CHECK(exists(paths.containers + "/abc"));
        sweep(paths);
        CHECK(exists(paths.containers + "/abc"));
    }
    CHECK_FALSE(exists(paths.containers + "/abc"));
}

TEST_CASE("container directory: a sweep takes what nobody holds") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    const pid_t killed = ::fork();
    if (killed == 0) {
        const ContainerDirectory held(paths, "dead", "web");
        std::ofstream(paths.containers + "/dead/file") << "x";
        ::_exit(0);  // as after kill -9: nothing is undone
    }
    int status = 0;
    ::waitpid(killed, &status, 0);
    REQUIRE(exists(paths.containers + "/dead/file"));
    sweep(paths);
    CHECK_FALSE(exists(paths.containers + "/dead"));
    struct stat info {};
    CHECK(::lstat((paths.names + "/web").c_str(), &info) < 0);
}

TEST_CASE("container directory: the record of its process goes with it") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    make_private_directories(paths.processes);
    const auto record = paths.processes + "/abc";
    const auto is_there = [&] { return !read_link(record).empty(); };
    {
        const ContainerDirectory held(paths, "abc", "");
        REQUIRE(::symlink("record", record.c_str()) == 0);
        sweep(paths);
        CHECK(is_there());
    }
    CHECK(!is_there());

    REQUIRE(::mkdir((paths.containers + "/abc").c_str(), 0700) == 0);
    REQUIRE(::symlink("record", record.c_str()) == 0);
    sweep(paths);
    CHECK(!is_there());
}

TEST_CASE("container directory: a name is one container's") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    auto first = std::make_unique<ContainerDirectory>(paths, "0123456789abcdef", "web");
    CHECK(test::error_text([&] { const ContainerDirectory second(paths, "fedcba9876543210", "web"); }) ==
          "the name 'web' is in use by container 0123456789ab | choose another name, or remove that container first");
    CHECK_FALSE(exists(paths.containers + "/fedcba9876543210"));
    first.reset();
    const ContainerDirectory third(paths, "00", "web");
    struct stat info {};
    CHECK(::lstat((paths.names + "/web").c_str(), &info) == 0);
}

TEST_CASE("container directory: the data directory is private") {
    const test::TemporaryDirectory dir;
    const auto paths = paths_in(dir);
    const ContainerDirectory held(paths, "abc", "");
    struct stat info {};
    REQUIRE(::stat(paths.data.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0700);
}

TEST_CASE("container ids and names") {
    const auto id = new_container_id();
    CHECK(id.size() == 64);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(id != new_container_id());
    for (const char* good : {"a", "web-1", "A_b.c", "0"}) CHECK_NOTHROW(check_container_name(good));
    for (const char* bad : {"", "-a", ".", "..", "a/b", "a b", "ü"})
        CHECK(test::error_text([&] { check_container_name(bad); }).find("is not valid | letters, digits") !=
              std::string::npos);
}

}  // namespace
}  // namespace minirun
