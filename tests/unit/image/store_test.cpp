#include "image/store.hpp"

#include <sys/stat.h>

#include "base/rfc3339.hpp"
#include "image/stored_image.hpp"
#include "model/paths.hpp"
#include "support.hpp"

namespace minirun {
namespace {

struct Fixture {
    test::TemporaryDirectory dir;
    ImageStore store{dir / "data"};
    const std::string one = "abcd1" + std::string(59, '0'), two = "abcd2" + std::string(59, '0');

    Fixture() {
        for (const auto& place : {store.images(), store.tags()}) make_private_directories(place);
        for (const auto& id : {one, two}) REQUIRE(::mkdir(store.image_directory(id).c_str(), 0700) == 0);
        store.set_tag("docker.io/library/app:latest", one);
        store.set_tag("localhost:5000/a/b:v1", two);
    }
};

TEST_CASE("store: an image by tag, digest, id and the beginning of its id") {
    const Fixture f;
    CHECK(f.store.find("app") == f.one);
    CHECK(f.store.find("docker.io/library/app:latest") == f.one);
    CHECK(f.store.find("localhost:5000/a/b:v1") == f.two);
    CHECK(f.store.find(f.one) == f.one);
    CHECK(f.store.find("sha256:" + f.two) == f.two);
    CHECK(f.store.find("abcd2") == f.two);
    CHECK(f.store.find("sha256:abcd1") == f.one);
    CHECK_FALSE(f.store.find("app:other"));
    CHECK_FALSE(f.store.find("sha256:" + std::string(64, 'f')));
    CHECK_FALSE(f.store.find("ffff"));
    CHECK(test::error_text([&] { f.store.find("abcd"); }) ==
          "the ids of 2 images begin with 'abcd' | give more digits");
}

TEST_CASE("store: a tag moves in one step, and one that leads nowhere is none") {
    const Fixture f;
    f.store.set_tag("docker.io/library/app:latest", f.two);
    CHECK(f.store.find("app") == f.two);
    f.store.set_tag("docker.io/library/app:latest", std::string(64, '9'));
    CHECK_FALSE(f.store.find("app"));
    const auto tags = f.store.all_tags();
    REQUIRE(tags.size() == 2);
    CHECK(tags[1].name == "localhost:5000/a/b:v1");
    CHECK(tags[1].id == f.two);
}

TEST_CASE("store: digests of manifests are names, and no tags") {
    const Fixture f;
    const std::string digest = "sha256:" + std::string(64, 'd');
    f.store.set_digests({"docker.io/library/app:1", "docker.io/library/app:2", "host.io/b:1"}, {digest}, f.two);
    CHECK(f.store.all_tags().size() == 2);
    const auto names = f.store.all_digests();
    REQUIRE(names.size() == 2);
    CHECK(names[0].name == "docker.io/library/app@" + digest);
    CHECK(names[1].name == "host.io/b@" + digest);
    CHECK(f.store.find("app@" + digest) == f.two);
    CHECK(f.store.find("app:whatever@" + digest) == f.two);
    CHECK_FALSE(f.store.find("other@" + digest));
    CHECK_FALSE(f.store.find("app@sha256:" + std::string(64, 'e')));
}

TEST_CASE("store: a repository whose name leaves no room for a digest has none") {
    const Fixture f;
    f.store.set_digests({"host/" + std::string(180, 'a') + ":1"}, {"sha256:" + std::string(64, 'd')}, f.two);
    CHECK(f.store.all_digests().empty());
}

TEST_CASE("store: one that is not there has nothing") {
    const ImageStore store("/nonexistent");
    CHECK_FALSE(store.find("app"));
    CHECK_FALSE(store.find("abcd"));
    CHECK(store.all_tags().empty());
    CHECK(stored_images(store).empty());
}

TEST_CASE("store: times") {
    CHECK(seconds_of("1970-01-02T00:00:00Z") == 86400);
    CHECK(seconds_of("2026-11-23T20:04:28.411762743Z") == 1795464268);
    CHECK(seconds_of("1970-01-02T01:30:00+01:30") == 86400);
    CHECK(seconds_of("1970-01-01T22:00:00-02:00") == 86400);
    for (const auto* text : {"2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-1-01T00:00:00Z",
                             "2026-01-01 00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:00", "-026-01-01T00:00:00Z"})
        CHECK_MESSAGE(seconds_of(text) == 0, text);
    CHECK(seconds_of("2024-02-29t23:59:59.5z") == 1709251199);
    CHECK(seconds_of("") == 0);
    CHECK(seconds_of("yesterday") == 0);
}

}  // namespace
}  // namespace minirun
