#include "model/runtime_spec_unsupported.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"

using namespace minirun;
using List = std::vector<std::string>;

namespace {

List problems_of(std::string_view text) {
    const auto document = Json::parse(text);
    Problems problems("config.json");
    complain_about_unsupported(JsonView(document, problems));
    return problems.list();
}

}  // namespace

TEST_CASE("nothing is asked for") {
    CHECK(problems_of("{}").empty());
    CHECK(problems_of(R"({
        "hooks": {"prestart": [], "poststop": null},
        "process": {"scheduler": null, "ioPriority": null, "apparmorProfile": "", "selinuxLabel": ""},
        "mounts": [{"uidMappings": [], "options": ["rbind"]}],
        "linux": {
            "resources": {}, "intelRdt": {}, "netDevices": {}, "mountLabel": "", "personality": {"domain": "LINUX"},
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent", "syscalls": []}
        }
    })")
              .empty());
    CHECK(problems_of(R"({"process": {"apparmorProfile": "unconfined"}, "hooks": {}})").empty());
}

TEST_CASE("other platforms") {
    CHECK(problems_of(R"({"windows": {}, "vm": {"kernel": {}}, "solaris": {"a": 1}})") ==
          List{".windows: minirun runs containers on Linux, this one is for another platform",
               ".solaris: minirun runs containers on Linux, this one is for another platform",
               ".vm: minirun runs containers on Linux, this one is for another platform"});
}

TEST_CASE("other platforms beside this one") { CHECK(problems_of(R"({"windows": {}, "linux": {}})").empty()); }

TEST_CASE("keys of the Linux section") {
    CHECK(problems_of(R"({"linux": {"intelRdt": {"closID": "a"}}})") ==
          List{".linux.intelRdt: Intel RDT is not supported: limit the container by .linux.resources"});
    CHECK(problems_of(R"({"linux": {"personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}}})") ==
          List{".linux.personality.flags: the specification has no flags of the personality"});
}
