#include "base/text.hpp"
#include "minirun/image.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using Texts = std::vector<std::string>;

namespace {

std::string refusal(const std::string& name) {
    return error_text([&] { open_image(name); });
}

Texts paths_of(const Image& image) {
    Texts paths;
    for (const auto& layer : image.layers) paths.push_back(layer.path);
    return paths;
}

const std::string digest_1 = cat("sha256:", std::string(64, '1'));
const std::string digest_2 = cat("sha256:", std::string(64, '2'));

// The output of docker image inspect for an image of two layers in dir/docker/overlay2.
std::string inspect_text(const TemporaryDirectory& dir, std::string_view driver = "overlay2") {
    return cat(R"([{"Id": "sha256:x", "Architecture": "amd64", "Os": "linux", "Config": {"Cmd": ["run"]},
        "GraphDriver": {"Name": ")",
               driver, R"(", "Data": {"UpperDir": ")", dir.path(), "/docker/overlay2/", std::string(64, 'b'),
               R"(/diff", "LowerDir": ")", dir.path(), "/docker/overlay2/", std::string(64, 'a'),
               R"(/diff", "MergedDir": "/m", "WorkDir": "/w"}},
        "RootFS": {"Type": "layers", "Layers": [")",
               digest_1, "\", \"", digest_2, "\"]}}]");
}
void make_docker_layers(const TemporaryDirectory& dir) {
    dir.directory(cat("docker/overlay2/", std::string(64, 'a'), "/diff"));
    dir.directory(cat("docker/overlay2/", std::string(64, 'b'), "/diff"));
}

// "text" with one part replaced.
std::string with(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("open_image: a bundle with an image config") {
    const TemporaryDirectory dir;
    dir.file("b/config.json", R"({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]}})");
    dir.directory("b/layers/01");
    dir.directory("b/layers/02");
    dir.link("link", "b");
    for (const auto& name : {dir / "b", dir / "b/", dir / "link", dir / "b/config.json"}) {
        const auto image = open_image(name);
        CHECK(image.name == name);
        CHECK(image.directory == dir / "b");
        CHECK(image.config_file == dir / "b/config.json");
        CHECK(image.form == Image::Form::image_config);
        CHECK(image.config.cmd == Texts{"sh"});
        CHECK(paths_of(image) == Texts{dir / "b/layers/01", dir / "b/layers/02"});
        CHECK_FALSE(image.runtime_spec.has_value());
    }
}

TEST_CASE("open_image: by name in MINIRUN_BUNDLE_PATH") {
    const TemporaryDirectory dir;
    dir.file("b/config.json", R"({"config": {"Cmd": ["sh"]}})");
    dir.directory("b/layers/01");
    setenv("MINIRUN_BUNDLE_PATH", dir.path().c_str(), 1);
    const auto image = open_image("b");
    const auto error = refusal("bx");
    unsetenv("MINIRUN_BUNDLE_PATH");
    CHECK(image.name == "b");
    CHECK(image.directory == dir / "b");
    CHECK(error.find("there is no image 'bx' | Looked in the current directory, in '") == 0);
}

TEST_CASE("open_image: a bundle whose document is wrong") {
    const TemporaryDirectory dir;
    const auto bundle = dir.directory("b");
    const auto file = dir / "b/config.json";
    CHECK(refusal(bundle) ==
          cat("there is no config.json in '", bundle,
              "' | a bundle is a directory with config.json and layers/; a plain root file system runs "
              "with --rootfs"));
    dir.file("b/config.json", "{\n  \"config\": {,}\n}");
    CHECK(refusal(bundle).find(cat(file, " is not valid JSON: line 2, column 14: ")) == 0);
    dir.file("b/config.json", R"({"config": {"Cmd": "sh", "WorkingDir": 1}})");
    CHECK(refusal(bundle) == cat(file,
                                 ": .config.Cmd: expected an array of strings, found a string; .config.WorkingDir: "
                                 "expected a string, found the number 1 | "));
    dir.file("b/config.json", R"({"config": {}})");
    CHECK(refusal(bundle).find(cat("no layers: there is no directory '", bundle, "/layers'")) == 0);
    dir.file("b/config.json", cat(R"({"rootfs": {"diff_ids": [")", digest_1, "\", \"", digest_2, "\"]}}"));
    dir.directory("b/layers/01");
    CHECK(refusal(bundle) == cat("'", bundle, "/layers' has 1 layer, but rootfs.diff_ids of ", file,
                                 " lists 2 | a layer is missing or left over"));
}

TEST_CASE("open_image: documents of other kinds say what they are") {
    const TemporaryDirectory dir;
    const auto file = dir / "b/config.json";
    const auto expected = std::string(
        "; expected an image config, the output of docker image inspect, or the config.json "
        "of an OCI runtime bundle | ");
    const auto refusal_of = [&](std::string_view text) {
        dir.file("b/config.json", text);
        return refusal(dir / "b");
    };
    CHECK(refusal_of(R"({"schemaVersion": 2, "config": {}, "layers": []})") ==
          cat(file, " is an image manifest", expected));
    CHECK(refusal_of(R"({"schemaVersion": 2, "manifests": []})") == cat(file, " is an image index", expected));
    CHECK(refusal_of("3") == cat(file, " holds neither an object nor an array", expected));
    CHECK(refusal_of(R"({"name": "x"})") ==
          cat(file, " is of no known form (it has none of the keys config, rootfs, RootFS and ociVersion)", expected));
}

TEST_CASE("open_image: a layer around the bundle") {
    const TemporaryDirectory dir;
    dir.file("b/config.json", R"({"config": {}})");
    dir.link("b/layers/01", "/");
    CHECK(refusal(dir / "b") ==
          cat("layer '01' of '", dir.path(), "/b' is '/', a directory around the bundle itself | "));
}

TEST_CASE("open_image: docker image inspect runs in place") {
    const TemporaryDirectory dir;
    make_docker_layers(dir);
    const auto file = dir.file("x.inspect.json", inspect_text(dir));
    const auto image = open_image(file);
    CHECK(image.form == Image::Form::docker_inspect);
    CHECK(image.config_file == file);
    CHECK(image.directory == dir.path());
    CHECK(image.config.cmd == Texts{"run"});
    REQUIRE(image.layers.size() == 2);
    CHECK(image.layers[0].name == "aaaaaaaaaaaa");
    CHECK(image.layers[1].path == cat(dir.path(), "/docker/overlay2/", std::string(64, 'b'), "/diff"));

    // The element alone (--format '{{json .}}'), and Podman's name of the driver.
    const auto text = inspect_text(dir, "overlay");
    dir.file("y.json", text.substr(1, text.size() - 2));
    CHECK(paths_of(open_image(dir / "y.json")) == paths_of(image));
    // As a bundle's config.json without layers/.
    dir.file("b/config.json", text);
    CHECK(paths_of(open_image(dir / "b")) == paths_of(image));
}

TEST_CASE("open_image: a bundle with docker's document and layers of its own") {
    const TemporaryDirectory dir;
    dir.file("b/config.json", inspect_text(dir));
    dir.directory("b/layers/01");
    dir.directory("b/layers/02");
    for (const auto& name : {dir / "b", dir / "b/config.json"}) {
        const auto image = open_image(name);
        CHECK(image.form == Image::Form::docker_inspect);
        CHECK(paths_of(image) == Texts{dir / "b/layers/01", dir / "b/layers/02"});
    }
    // Another name is the document alone.
    dir.file("b/inspect.json", inspect_text(dir));
    CHECK(refusal(dir / "b/inspect.json").find("does not exist") != std::string::npos);
}

TEST_CASE("open_image: docker image inspect with no image, several, or a container") {
    const TemporaryDirectory dir;
    const auto file = dir.file("x.json", "[]");
    CHECK(refusal(file) == cat(file,
                               " holds no image, expected the output of docker image inspect for one image | docker "
                               "prints [] when it has no image of that name"));
    dir.file("x.json", "[{}, {}]");
    CHECK(refusal(file) == cat(file,
                               " holds 2 images, expected the output of docker image inspect for one image | inspect "
                               "one image at a time"));
    dir.file("x.json", R"([{"Id": "1", "State": {"Status": "running"}, "Config": {}}])");
    CHECK(refusal(file).find(cat(file, ": .: describes a container, not an image: use docker image inspect")) == 0);
    dir.file("x.json", "[3]");
    CHECK(refusal(file) == cat(file, ": [0]: expected an object, found the number 3 | "));
    dir.file("x.json", "[null]");
    CHECK(refusal(file) == cat(file, ": [0]: expected an object, found null | "));
}

TEST_CASE("open_image: docker's layers that cannot be used") {
    const TemporaryDirectory dir;
    const auto path = dir / cat("docker/overlay2/", std::string(64, 'a'), "/diff");
    const auto file = dir.file("x.json", inspect_text(dir));
    CHECK(refusal(file) ==
          cat("the layer '", path, "' of ", file,
              " does not exist (No such file or directory) | the image was removed from Docker, or the "
              "file was made on another host: run docker image inspect again"));
    CHECK(error_kind([&] { open_image(file); }) == ErrorKind::not_found);

    make_docker_layers(dir);
    dir.file("x.json", inspect_text(dir, "btrfs"));
    CHECK(refusal(file) == cat(file,
                               ": .GraphDriver.Name: the storage driver is 'btrfs', images run in place from "
                               "overlay2 only | "));
    dir.file("x.json", with(inspect_text(dir), "\"Name\": \"overlay2\", ", ""));
    CHECK(refusal(file) == cat(file, ": .GraphDriver.Name: is missing: it names Docker's storage driver | "));
    dir.file("x.json", with(inspect_text(dir), "UpperDir", "Upper"));
    CHECK(refusal(file) ==
          cat(file, ": .GraphDriver.Data.UpperDir: is missing: it names the image's topmost layer | "));
    dir.file("x.json", with(inspect_text(dir), dir.path(), "relative"));
    CHECK(refusal(file).find(": .GraphDriver.Data: expected absolute paths, found 'relative/docker/") !=
          std::string::npos);
    dir.file("x.json", with(inspect_text(dir), cat(", \"", digest_2, "\""), ""));
    CHECK(refusal(file) == cat("GraphDriver of ", file,
                               " has 2 layers, but RootFS.Layers there lists 1 | a layer is missing or left over"));
}

TEST_CASE("open_image: an OCI runtime bundle") {
    const TemporaryDirectory dir;
    dir.file("b/config.json", R"({"ociVersion": "1.0.2", "root": {"path": "rootfs"},
        "process": {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}},
        "linux": {"namespaces": [{"type": "mount"}]}})");
    CHECK(refusal(dir / "b") ==
          cat(dir.path(), "/b/config.json: .root.path: there is no directory '", dir.path(), "/b/rootfs' | "));
    dir.directory("b/rootfs");
    const auto image = open_image(dir / "b");
    CHECK(image.form == Image::Form::runtime_bundle);
    REQUIRE(image.runtime_spec.has_value());
    CHECK(image.runtime_spec->process.args == Texts{"sh"});
    CHECK(paths_of(image) == Texts{dir / "b/rootfs"});
    CHECK(image.layers[0].name == "rootfs");
}

TEST_CASE("open_image: archives and other files") {
    const TemporaryDirectory dir;
    std::string tar(512, '\0');
    tar.replace(257, 5, "ustar");
    const auto hint = std::string(
        " | minirun load puts its images into the store; a bundle is a directory with config.json and "
        "layers/");
    CHECK(refusal(dir.file("a.tar", tar)) == cat("'", dir.path(), "/a.tar' is a tar archive, not a bundle", hint));
    CHECK(refusal(dir.file("a.gz", "\x1f\x8b\x08")) ==
          cat("'", dir.path(), "/a.gz' is a compressed file, not a bundle", hint));
    CHECK(refusal(dir.file("empty")) == cat(dir.path(), "/empty is empty: expected a JSON document | "));
    CHECK(refusal(dir.fifo("fifo")) == cat("'", dir.path(), "/fifo' is not a regular file | "));
    CHECK(refusal(dir.file("big", std::string((16 << 20) + 1, ' '))) ==
          cat("'", dir.path(), "/big' is larger than the limit of 16 MiB | "));
}

TEST_CASE("open_plain_rootfs: a directory is the only layer") {
    const TemporaryDirectory dir;
    dir.directory("root");
    dir.link("link", "root");
    const auto image = open_plain_rootfs(dir / "link");
    CHECK(image.form == Image::Form::plain_rootfs);
    CHECK(image.name == dir / "link");
    CHECK(paths_of(image) == Texts{dir / "root"});
    CHECK(image.config_file.empty());
    CHECK_NOTHROW(check_platform(image));
    CHECK(error_text([&] { open_plain_rootfs(dir / "none"); }) ==
          cat("cannot find '", dir.path(), "/none': No such file or directory | "));
    CHECK(error_text([&] { open_plain_rootfs(dir.file("file")); }) ==
          cat("the root file system '", dir.path(), "/file' is not a directory | "));
}
