#include "image/find_image.hpp"

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using Texts = std::vector<std::string>;

namespace {

const ImageStore no_store("/nonexistent");

// A working directory for as long as it lives.
class WorkingDirectory {
public:
    explicit WorkingDirectory(const std::string& path) : before_(std::filesystem::current_path()) {
        std::filesystem::current_path(path);
    }
    WorkingDirectory(const WorkingDirectory&) = delete;
    WorkingDirectory& operator=(const WorkingDirectory&) = delete;
    ~WorkingDirectory() { std::filesystem::current_path(before_); }

private:
    std::filesystem::path before_;
};

std::string refusal(std::string_view name, const Texts& search) {
    return error_text([&] { find_image(name, search, no_store); });
}

}  // namespace

TEST_CASE("find_image: a path is taken as it is") {
    const TemporaryDirectory dir;
    dir.directory("a");
    dir.file("b.json");
    CHECK(find_image(dir / "a", {}, no_store) == dir / "a");
    CHECK(find_image(dir / "b.json", {}, no_store) == dir / "b.json");
    CHECK(refusal(dir / "c", {dir.path()}) == cat("there is no file or directory '", dir.path(), "/c' | "));
    CHECK(refusal(dir / "b.json/x", {}) == cat("there is no file or directory '", dir.path(), "/b.json/x' | "));
    CHECK(error_kind([&] { find_image(dir / "c", {}, no_store); }) == ErrorKind::not_found);
}

TEST_CASE("find_image: a directory here, then the search path in order, then a file here") {
    const TemporaryDirectory dir;
    dir.file("here/both/config.json", "{}");
    dir.directory("here/bundle");  // of that name, and no bundle
    dir.file("here/file");
    dir.file("here/inspect.json");
    dir.directory("one/both");
    dir.directory("one/bundle");
    dir.directory("one/file");
    dir.directory("two/bundle");
    const WorkingDirectory here(dir / "here");
    const Texts search{dir / "missing", dir / "one", dir / "two"};
    CHECK(find_image("both", search, no_store) == "both");
    CHECK(find_image("bundle", search, no_store) == dir / "one/bundle");
    CHECK(find_image("file", search, no_store) == dir / "one/file");
    CHECK(find_image("inspect.json", search, no_store) == "inspect.json");
}

TEST_CASE("find_image: what is not there, with where it looked and what comes close") {
    const TemporaryDirectory dir;
    dir.file("one/nginx-bundle/config.json");
    dir.file("one/debian-bundle/config.json");
    dir.directory("one/nginx-leftovers");
    const WorkingDirectory here(dir.path());
    const Texts search{dir / "one", dir / "missing"};
    const auto looked =
        cat("Looked in the current directory, in '", dir.path(), "/one', '", dir.path(),
            "/missing' (which does not exist), and in the store; MINIRUN_BUNDLE_PATH names other directories");
    CHECK(refusal("nginx", search) == cat("there is no image 'nginx' | did you mean 'nginx-bundle'? ", looked));
    CHECK(refusal("nginx:latest", search) ==
          cat("there is no image 'nginx:latest' | did you mean 'nginx-bundle'? ", looked));
    CHECK(refusal("debain-bundle", search) ==
          cat("there is no image 'debain-bundle' | did you mean 'debian-bundle'? ", looked));
    CHECK(refusal("fedora", search) == cat("there is no image 'fedora' | ", looked));
    CHECK(refusal("n", {}) ==
          "there is no image 'n' | Looked in the current directory, and in the store; MINIRUN_BUNDLE_PATH names other "
          "directories");
    CHECK(refusal("", search) == "the name of the image is empty | ");
}

TEST_CASE("find_image: an example that is not built yet") {
    const TemporaryDirectory dir;
    dir.file("examples/recipes/nginx-bundle/recipe");
    dir.file("examples/recipes/busybox-bundle/recipe");
    dir.directory("examples/busybox-bundle");  // without a config.json
    const WorkingDirectory here(dir.path());
    const Texts search{dir / "examples"};
    CHECK(refusal("nginx-bundle", search) ==
          cat("there is no image 'nginx-bundle' | the example is not built yet: run ", dir.path(),
              "/examples/build nginx-bundle"));
    CHECK(refusal("busybox-bundle", search).find("/examples/build busybox-bundle") != std::string::npos);
    CHECK(refusal("nginx", search).find("did you mean 'nginx-bundle'?") != std::string::npos);
    CHECK(refusal(dir / "examples/nginx-bundle/", {}) ==
          cat("there is no file or directory '", dir.path(),
              "/examples/nginx-bundle/' | the example is not built yet: run ", dir.path(),
              "/examples/build nginx-bundle"));
    CHECK(refusal("examples/busybox-bundle", {}) ==
          "there is no config.json in 'examples/busybox-bundle' | the example is not built yet: run examples/build "
          "busybox-bundle");
    {
        const WorkingDirectory among_them(dir / "examples");
        CHECK(refusal("busybox-bundle", {}) ==
              "there is no config.json in 'busybox-bundle' | the example is not built yet: run ./build busybox-bundle");
    }
    dir.file("examples/busybox-bundle/config.json");
    CHECK(find_image("busybox-bundle", search, no_store) == dir / "examples/busybox-bundle");
}

TEST_CASE("bundle_path: from the environment") {
    setenv("MINIRUN_BUNDLE_PATH", "/a::/b c:", 1);
    CHECK(bundle_path() == Texts{"/a", "/b c"});
    setenv("MINIRUN_BUNDLE_PATH", "", 1);
    CHECK(bundle_path() == Texts{});
    unsetenv("MINIRUN_BUNDLE_PATH");
    for (const auto& directory : bundle_path()) CHECK(directory.starts_with('/'));
}
