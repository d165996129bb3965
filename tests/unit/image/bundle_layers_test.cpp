#include "image/bundle_layers.hpp"

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using Texts = std::vector<std::string>;

namespace {

Texts names_of(const std::vector<Layer>& layers) {
    Texts names;
    for (const auto& layer : layers) names.push_back(layer.name);
    return names;
}

std::string refusal(const std::string& directory, const Texts& diff_ids = {}) {
    return error_text([&] { read_bundle_layers(directory, diff_ids, "/b/config.json"); });
}

std::string digest(char digit) { return cat("sha256:", std::string(64, digit)); }
std::string with_dash(char digit) { return cat("sha256-", std::string(64, digit)); }

}  // namespace

TEST_CASE("bundle layers: in order of their names, links resolved, hidden ones left out") {
    const TemporaryDirectory dir;
    dir.directory("layers/02-b");
    dir.directory("layers/10-c: with, odd characters ä");
    dir.directory("base/01-a");
    dir.link("layers/01-a", "../base/01-a");
    dir.directory("layers/.hidden");
    dir.file("layers/.note");
    const auto layers = read_bundle_layers(dir / "layers", {}, "config.json");
    CHECK(names_of(layers) == Texts{"01-a", "02-b", "10-c: with, odd characters ä"});
    CHECK(layers[0].path == dir / "base/01-a");
    CHECK(layers[1].path == dir / "layers/02-b");
    dir.link("linked", "layers");
    CHECK(read_bundle_layers(dir / "linked", {digest('1'), digest('2'), digest('3')}, "config.json")[1].path ==
          dir / "layers/02-b");
}

TEST_CASE("bundle layers: all entries that are no layers are named") {
    const TemporaryDirectory dir;
    dir.directory("layers/01-fine");
    dir.file("layers/02-file");
    dir.link("layers/03-nowhere", "../gone");
    dir.file("file");
    dir.link("layers/04-to-file", "../file");
    dir.fifo("layers/05-fifo");
    dir.link("layers/06-loop", "06-loop");
    CHECK(
        refusal(dir / "layers") ==
        cat(dir.path(),
            "/layers: '02-file': is a file, a layer is a directory; '03-nowhere': the symbolic link leads nowhere (No "
            "such file or directory); '04-to-file': the symbolic link leads to a file, a layer is a directory; "
            "'05-fifo': is a fifo, a layer is a directory; '06-loop': the symbolic link leads nowhere (Too many levels "
            "of symbolic links) | "));
}

TEST_CASE("bundle layers: none") {
    const TemporaryDirectory dir;
    CHECK(refusal(dir / "layers") ==
          cat("no layers: there is no directory '", dir.path(),
              "/layers' | a bundle holds its unpacked layers in layers/, lowest first by name: layers/01-base, …"));
    dir.file("layers/.keep");
    CHECK(refusal(dir / "layers", {digest('1')}) ==
          cat("'", dir.path(),
              "/layers' has no layers | each layer is a directory, lowest first by name: layers/01-base, …"));
}

TEST_CASE("bundle layers: a count that disagrees with the diff_ids") {
    const TemporaryDirectory dir;
    dir.directory("layers/01");
    CHECK(refusal(dir / "layers", {digest('1'), digest('2')}) ==
          cat("'", dir.path(),
              "/layers' has 1 layer, but rootfs.diff_ids of /b/config.json lists 2 | a layer is missing "
              "or left over"));
    dir.directory("layers/02");
    CHECK(read_bundle_layers(dir / "layers", {digest('1'), digest('2')}, "c").size() == 2);
    CHECK(refusal(dir / "layers", {digest('1')}).find("has 2 layers, but") != std::string::npos);
}

TEST_CASE("bundle layers: named by digest, in the order of the diff_ids") {
    const TemporaryDirectory dir;
    dir.directory(cat("layers/", digest('a')));
    dir.directory(cat("layers/", with_dash('c')));
    dir.directory(cat("layers/", std::string(64, 'b')));
    const auto layers = read_bundle_layers(dir / "layers", {digest('c'), digest('a'), digest('b')}, "config.json");
    CHECK(names_of(layers) == Texts{with_dash('c'), digest('a'), std::string(64, 'b')});
}

TEST_CASE("bundle layers: a layer that the image has twice is there once, in the upper place") {
    const TemporaryDirectory dir;
    dir.directory(cat("layers/", digest('a')));
    dir.directory(cat("layers/", digest('b')));
    const auto layers = read_bundle_layers(dir / "layers", {digest('a'), digest('b'), digest('a')}, "config.json");
    CHECK(names_of(layers) == Texts{digest('b'), digest('a')});
}

TEST_CASE("bundle layers: digests that are missing, left over, twice, or among other names") {
    const TemporaryDirectory dir;
    dir.directory(cat("layers/", digest('a')));
    dir.directory(cat("layers/", with_dash('a')));
    dir.directory(cat("layers/", digest('e')));
    dir.directory("layers/top");
    const auto text = refusal(dir / "layers", {digest('a'), digest('b')});
    CHECK(text == cat(dir.path(), "/layers: '", digest('a'), "': is the same layer as '", with_dash('a'), "'; '",
                      digest('e'),
                      "': is not in rootfs.diff_ids of /b/config.json; 'top': is not named by digest, other "
                      "layers are; '",
                      digest('b'), "': the layer is missing; rootfs.diff_ids of /b/config.json names it | "));
    CHECK(refusal(dir / "layers") ==
          cat("the layers in '", dir.path(),
              "/layers' are named by digest, but /b/config.json has no rootfs.diff_ids to order them | "));
}

TEST_CASE("bundle layers: overlapping ones") {
    const TemporaryDirectory dir;
    dir.directory("layers/02/inside");
    dir.directory("layers/02-b");  // sorts between 02 and 02/inside
    dir.link("layers/03", "02/inside");
    CHECK(refusal(dir / "layers") == cat("layers '02' and '03' of '", dir.path(),
                                         "/layers' overlap, one is inside the other: '", dir.path(),
                                         "/layers/02/inside' | overlayfs needs layers that do not overlap"));
    const TemporaryDirectory twice;
    twice.directory("layers/01");
    twice.link("layers/02", "01");
    CHECK(refusal(twice / "layers") == cat("layers '01' and '02' of '", twice.path(),
                                           "/layers' are the same directory '", twice.path(),
                                           "/layers/01' | overlayfs needs layers that do not overlap"));
}

TEST_CASE("bundle layers: 500 and no more") {
    std::vector<Layer> layers;
    for (int i = 0; i < 500; i++) layers.push_back({cat(i), cat("/layers/", i)});
    CHECK_NOTHROW(check_layers(layers, "'/layers'"));
    layers.push_back({"x", "/layers/x"});
    CHECK(error_text([&] { check_layers(layers, "'/layers'"); }) ==
          "'/layers' has 501 layers, more than the 500 that overlayfs takes | ");
}

TEST_CASE("layers: the root directory overlaps with everything") {
    CHECK(error_text([] { check_layers({{"a", "/x"}, {"b", "/"}}, "it"); }).find("overlap") != std::string::npos);
    CHECK_NOTHROW(check_layers({{"a", "/x"}, {"b", "/xy"}, {"c", "/x-y"}}, "it"));
}
