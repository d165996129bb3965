#include "image/platform.hpp"

#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

Image image_for(const std::string& os, const std::string& architecture, const std::string& variant = "") {
    Image image;
    image.name = "x";
    image.config.os = os;
    image.config.architecture = architecture;
    image.config.variant = variant;
    return image;
}

}  // namespace

TEST_CASE("platform: Go's words for machines") {
    CHECK(image_architecture("x86_64") == "amd64");
    CHECK(image_architecture("aarch64") == "arm64");
    CHECK(image_architecture("armv7l") == "arm");
    CHECK(image_architecture("i686") == "386");
    CHECK(image_architecture("ppc64le") == "ppc64le");
    CHECK(image_architecture("s390x") == "s390x");
    CHECK(image_architecture("riscv64") == "riscv64");
    CHECK(image_architecture("loongarch64") == "loong64");
    CHECK(image_architecture("newarch") == "newarch");
}

TEST_CASE("platform: what runs here") {
    CHECK_NOTHROW(check_platform(image_for("linux", "amd64"), "x86_64"));
    CHECK_NOTHROW(check_platform(image_for("linux", "arm", "v7"), "armv7l"));
    CHECK_NOTHROW(check_platform(image_for("", ""), "x86_64"));
    CHECK_NOTHROW(check_platform(image_for("linux", "")));
}

TEST_CASE("platform: what does not, and why") {
    const auto arm = image_for("linux", "arm64", "v8");
    CHECK(error_text([&] { check_platform(arm, "x86_64"); }) ==
          "image 'x' is for linux/arm64/v8, this host is linux/amd64 | containers run on the host's own kernel and "
          "processor: use an image built for linux/amd64");
    CHECK(error_kind([&] { check_platform(arm, "x86_64"); }) == ErrorKind::unsupported);
    const auto windows = image_for("windows", "amd64");
    CHECK(
        error_text([&] { check_platform(windows, "x86_64"); }) ==
        "image 'x' is for windows/amd64, this host is linux/amd64 | containers share the host's kernel, so only Linux "
        "images run here");
    CHECK(error_text([&] { check_platform(image_for("linux", "no\nsuch")); }).find("linux/no\\nsuch, this") !=
          std::string::npos);
}
