#include "model/runtime_spec_unsupported.hpp"

#include <doctest/doctest.h>

using namespace minirun;
using List = std::vector<std::string>;

namespace {

List problems_of(std::string_view text, const ContainerSpec& spec = {}) {
    const auto document = Json::parse(text);
    Problems problems("config.json");
    complain_about_unsupported(JsonView(document, problems), spec);
    return problems.list();
}

ContainerSpec spec_with_bounding(std::vector<std::string> names) {
    ContainerSpec spec;
    spec.process.capabilities = CapabilitySpec{};
    spec.process.capabilities->bounding = std::move(names);
    return spec;
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

TEST_CASE("keys of the process") {
    CHECK(problems_of(R"({"process": {
        "scheduler": {"policy": "SCHED_FIFO"}, "ioPriority": {"class": "IOPRIO_CLASS_RT"},
        "execCPUAffinity": {"initial": "0"}, "selinuxLabel": "a:b:c", "apparmorProfile": "docker-default"}})") ==
          List{".process.scheduler: is not supported yet", ".process.ioPriority: is not supported yet",
               ".process.execCPUAffinity: is not supported yet", ".process.selinuxLabel: is not supported yet",
               ".process.apparmorProfile: is not supported yet"});
}

TEST_CASE("idmapped mounts") {
    CHECK(problems_of(R"({"mounts": [{}, {"uidMappings": [{"size": 1}], "gidMappings": [{"size": 1}]},
                                     {"options": ["rbind", "idmap"]}, {"options": ["ridmap"]}]})") ==
          List{".mounts[1].uidMappings: an idmapped mount is not supported yet",
               ".mounts[1].gidMappings: an idmapped mount is not supported yet",
               ".mounts[2].options[1]: an idmapped mount is not supported yet",
               ".mounts[3].options[0]: an idmapped mount is not supported yet"});
}

TEST_CASE("keys of the Linux section") {
    CHECK(problems_of(R"({"linux": {"intelRdt": {"closID": "a"}, "netDevices": {"eth0": {}},
                                    "memoryPolicy": {"mode": "MPOL_BIND"}, "mountLabel": "a:b:c"}})") ==
          List{".linux.intelRdt: is not supported yet", ".linux.netDevices: is not supported yet",
               ".linux.memoryPolicy: is not supported yet", ".linux.mountLabel: is not supported yet"});
    CHECK(problems_of(R"({"linux": {"personality": {"domain": "LINUX32"}}})") ==
          List{".linux.personality.domain: a personality other than LINUX is not supported yet"});
    CHECK(problems_of(R"({"linux": {"personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}}})") ==
          List{".linux.personality.flags: flags of the personality are not supported yet"});
}

TEST_CASE("seccomp: notifications") {
    CHECK(problems_of(R"({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_NOTIFY", "syscalls": [
              {"names": ["a"], "action": "SCMP_ACT_ERRNO"}, {"names": ["b"], "action": "SCMP_ACT_NOTIFY"}]}}})") ==
          List{".linux.seccomp.defaultAction: SCMP_ACT_NOTIFY is not supported yet",
               ".linux.seccomp.syscalls[1].action: SCMP_ACT_NOTIFY is not supported yet"});
}

TEST_CASE("limits that limit") {
    CHECK(problems_of(R"({"linux": {"resources": {
        "memory": {"limit": 1048576, "swappiness": 0, "useHierarchy": true}, "cpu": {"shares": 512, "cpus": "0-1"},
        "pids": {"limit": 10}, "blockIO": {"weight": 100}, "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
        "network": {"classID": 5}, "rdma": {"mlx": {"hcaHandles": 0}}, "unified": {"memory.high": "1"}}}})") ==
          List{".linux.resources.blockIO.weight: limits are not supported yet",
               ".linux.resources.cpu.cpus: limits are not supported yet",
               ".linux.resources.cpu.shares: limits are not supported yet",
               ".linux.resources.hugepageLimits: limits are not supported yet",
               ".linux.resources.memory.limit: limits are not supported yet",
               ".linux.resources.memory.swappiness: limits are not supported yet",
               ".linux.resources.network.classID: limits are not supported yet",
               ".linux.resources.pids.limit: limits are not supported yet",
               ".linux.resources.rdma: limits are not supported yet",
               ".linux.resources.unified: limits are not supported yet"});
    CHECK(problems_of(R"({"linux": {"resources": {"memory": {"disableOOMKiller": true}}}})") ==
          List{".linux.resources.memory.disableOOMKiller: limits are not supported yet"});
    CHECK(problems_of(R"({"linux": {"resources": {"memory": "512m"}}})") ==
          List{".linux.resources.memory: limits are not supported yet"});
    CHECK(problems_of(R"({"linux": {"resources": []}})") ==
          List{".linux.resources: expected an object, found an array"});
}

TEST_CASE("limits that limit nothing, as engines write them") {
    CHECK(problems_of(R"({"linux": {"resources": {
        "memory": {"limit": 0, "swap": -1, "disableOOMKiller": false, "checkBeforeUpdate": true},
        "cpu": {"shares": 0, "quota": 0, "cpus": "", "mems": ""}, "pids": {"limit": -1}, "blockIO": {"weight": 0},
        "hugepageLimits": [], "network": {"classID": 0, "priorities": []}, "unified": {}, "rdma": null}}})")
              .empty());
}

TEST_CASE("rules for devices are only missed where devices can be made") {
    const auto deny = R"({"linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}]}}})";
    CHECK(problems_of(deny).empty());
    CHECK(problems_of(deny, spec_with_bounding({"CAP_KILL"})).empty());
    CHECK(problems_of(deny, spec_with_bounding({"CAP_KILL", "CAP_MKNOD"})) ==
          List{".linux.resources.devices: denying devices is not supported yet, and with CAP_MKNOD in "
               ".process.capabilities.bounding the container could make any device: drop CAP_MKNOD"});
    const auto mknod = spec_with_bounding({"CAP_MKNOD"});
    CHECK(problems_of(R"({"linux": {"resources": {"devices": [{"allow": true, "access": "rwm"}]}}})", mknod).empty());
    CHECK(problems_of(R"({"linux": {"resources": {"devices": [{"allow": false}, {"allow": true}]}}})", mknod).empty());
    CHECK(problems_of(R"({"linux": {"resources": {"devices": [
              {"allow": false}, {"allow": true, "type": "c", "major": 10, "minor": 229}]}}})",
                      mknod)
              .size() == 1);
    CHECK(problems_of(R"({"linux": {"resources": {"devices": [{"access": "rwm"}, 5, {"allow": "no"}]}}})") ==
          List{".linux.resources.devices[0].allow: is required", ".linux.resources.devices[1]: expected an object",
               ".linux.resources.devices[2].allow: expected true or false, found a string"});
}
