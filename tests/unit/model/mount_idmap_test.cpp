#include "model/mount_idmap.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"

using namespace minirun;
using Mappings = std::vector<IdMapping>;

namespace {

struct Result {
    MountSpec mount;
    std::vector<std::string> problems;
};

// A mount with this one option, in a container whose ids 0..9 are 1000..1009 outside, and its gids 2000..2009.
Result resolve(const std::string& option) {
    LinuxSpec container;
    container.uid_mappings = {{0, 1000, 10}};
    container.gid_mappings = {{0, 2000, 10}};
    MountSpec mount{"/a", "bind", "/b", {option}};
    const Json document = Json::object();
    Problems problems("config.json");
    resolve_idmap_options(mount, container, JsonView(document, problems));
    return {mount, problems.list()};
}

}  // namespace

TEST_CASE("idmap option: mappings") {
    const auto result = resolve("idmap=uids=0-1-10#20-21-5;gids=@0-1-9");
    CHECK(result.problems.empty());
    CHECK(result.mount.options == std::vector<std::string>{"idmap"});
    CHECK(result.mount.uid_mappings == Mappings{{0, 1, 10}, {20, 21, 5}});
    CHECK(result.mount.gid_mappings == Mappings{{0, 2001, 9}});
    CHECK(resolve("ridmap=uids=0-1-1").mount.options == std::vector<std::string>{"ridmap"});
}

TEST_CASE("idmap option: other options and the bare word stay") {
    for (const auto* option : {"idmap", "ridmap", "size=1", "ro"}) {
        const auto result = resolve(option);
        CHECK(result.problems.empty());
        CHECK(result.mount.options == std::vector<std::string>{option});
        CHECK(result.mount.uid_mappings.empty());
    }
}

TEST_CASE("idmap option: what is no mapping") {
    for (const auto* option : {"idmap=", "idmap=uids=", "idmap=0-1-2", "idmap=uids=0-1", "idmap=uids=0-1-2-3",
                               "idmap=uids=0-x-1", "idmap=uids=0-1-4294967296", "idmap=uids=@10-10-1",
                               "idmap=uids=@0-0-11", "ridmap=uids=0-0-1;", "ridmap=uids=0-0-1#"}) {
        CAPTURE(option);
        CHECK(resolve(option).problems.size() == 1);
    }
}
