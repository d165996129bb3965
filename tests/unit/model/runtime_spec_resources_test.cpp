#include "model/runtime_spec_resources.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec.hpp"

using namespace minirun;
using namespace std::string_literals;

namespace {

constexpr std::string_view everything = R"({
    "devices": [
        {"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": true, "type": "b", "major": 8, "minor": -1}
    ],
    "memory": {"limit": 536870912, "reservation": 1, "swap": -1, "kernel": 2, "kernelTCP": 3, "swappiness": 60,
               "disableOOMKiller": true, "useHierarchy": false, "checkBeforeUpdate": true},
    "cpu": {"shares": 512, "quota": -1, "burst": 5, "period": 100000, "realtimeRuntime": 6, "realtimePeriod": 7,
            "cpus": "0-1,3", "mems": "0", "idle": 1},
    "pids": {"limit": 32},
    "blockIO": {"weight": 10, "leafWeight": 1000, "weightDevice": [{"major": 8, "minor": 0, "weight": 500}],
                "throttleReadBpsDevice": [{"major": 8, "minor": 1, "rate": 18446744073709551615}],
                "throttleWriteBpsDevice": [{"major": 8, "minor": 2, "rate": 2}],
                "throttleReadIOPSDevice": [{"major": 8, "minor": 3, "rate": 3}],
                "throttleWriteIOPSDevice": [{"major": 8, "minor": 4, "rate": 4}]},
    "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
    "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 5}]},
    "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
    "unified": {"memory.high": "1000"}
})";

std::string refusal(std::string_view text) {
    try {
        parse_resources(text, "limits.json");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::bad_input);
        return error.message();
    }
    return "no error";
}

}  // namespace

TEST_CASE("resources: a whole document") {
    const auto all = parse_resources(everything, "limits.json");
    REQUIRE(all.devices.size() == 3);
    CHECK(all.devices[0] == DeviceRule{false, 'a', {}, {}, "rwm"});
    CHECK(all.devices[1] == DeviceRule{true, 'c', 10, 229, "rw"});
    CHECK(all.devices[2] == DeviceRule{true, 'b', 8, {}, "rwm"});
    CHECK(all.memory == MemoryResources{536870912, 1, -1, 2, 3, 60, true, false, true});
    CHECK(all.cpu == CpuResources{512, -1, 5, 100000, 6, 7, "0-1,3", "0", 1});
    CHECK(all.pids_limit == 32);
    CHECK(all.block_io ==
          BlockIoResources{10, 1000, {{8, 0, 500, {}}}, {{8, 1, UINT64_MAX}}, {{8, 2, 2}}, {{8, 3, 3}}, {{8, 4, 4}}});
    CHECK(all.hugepages == std::vector<HugepageLimit>{{"2MB", 9}});
    CHECK(all.network == NetworkResources{1048577, {{"eth0", 5}}});
    CHECK(all.rdma.at("mlx5_1") == RdmaLimit{3, 10000});
    CHECK(all.unified.at("memory.high") == "1000");
}

TEST_CASE("resources: written and read again they are the same") {
    for (const auto text : {everything, std::string_view("{}")}) {
        const auto all = parse_resources(text, "limits.json");
        CHECK(parse_resources(resources_json(all).dump(), "written") == all);
    }
    CHECK(resources_json({}).dump() == "{}");
    CHECK(resources_json(parse_resources(R"({"pids": {"limit": 7}, "cpu": {"cpus": "0"}})", "x")).dump() ==
          R"({"cpu":{"cpus":"0"},"pids":{"limit":7}})");
}

TEST_CASE("resources: what engines write for no limit") {
    const auto none = parse_resources(
        R"({"memory": {"limit": 0, "swap": -1}, "cpu": {"shares": 0, "quota": 0, "cpus": "", "mems": ""},
            "pids": {"limit": -1}, "blockIO": {"weight": 0}, "hugepageLimits": [], "network": {"priorities": []},
            "unified": {}, "rdma": null, "devices": [{"allow": true, "major": -1, "minor": -1, "type": ""}]})",
        "limits.json");
    CHECK(none.pids_limit == -1);
    CHECK(none.devices.at(0) == DeviceRule{true, 'a', {}, {}, "rwm"});
}

TEST_CASE("resources: problems, each with the path of its key") {
    const struct {
        const char* text;
        const char* problem;
    } rows[] = {
        {"[]", ".: expected an object, found an array"},
        {"null", ".: expected an object, found null"},
        {R"({"memory": "512m"})", ".memory: expected an object, found a string"},
        {R"({"memory": {"limit": 1.5}})", ".memory.limit: expected a whole number, found the number 1.5"},
        {R"({"memory": {"limit": -2}})", ".memory.limit: expected a limit, or -1 for none, found -2"},
        {R"({"memory": {"limit": 200, "swap": 100}})",
         ".memory.swap: 100 is below the memory limit 200: it counts memory and swap together"},
        {R"({"memory": {"limit": -1, "swap": 100}})",
         ".memory.swap: needs a memory limit: it counts memory and swap together"},
        {R"({"memory": {"swappiness": 101}})", ".memory.swappiness: 101 is not from 0 to 100"},
        {R"({"cpu": {"quota": 999}})", ".cpu.quota: 999 microseconds are below the kernel's least quota of 1000"},
        {R"({"cpu": {"period": 999}})", ".cpu.period: 999 microseconds are not from 1000 to 1000000"},
        {R"({"cpu": {"period": 1000001}})", ".cpu.period: 1000001 microseconds are not from 1000 to 1000000"},
        {R"({"cpu": {"quota": 1000, "burst": 1001}})", ".cpu.burst: 1001 is over the quota 1000"},
        {R"({"cpu": {"realtimeRuntime": 8, "realtimePeriod": 7}})", ".cpu.realtimeRuntime: 8 is over the period 7"},
        {R"({"cpu": {"cpus": "1-0"}})", ".cpu.cpus: expected numbers and ranges like 0-3,7, found '1-0'"},
        {R"({"cpu": {"mems": "0,"}})", ".cpu.mems: expected numbers and ranges like 0-3,7, found '0,'"},
        {R"({"cpu": {"idle": 2}})", ".cpu.idle: expected 0 or 1, found 2"},
        {R"({"pids": {"limit": -2}})", ".pids.limit: expected a limit, or -1 for none, found -2"},
        {R"({"blockIO": {"weight": 9}})", ".blockIO.weight: 9 is not from 10 to 1000"},
        {R"({"blockIO": {"leafWeight": 1001}})", ".blockIO.leafWeight: 1001 is not from 10 to 1000"},
        {R"({"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}})",
         ".blockIO.weightDevice[0]: expected a weight or a leafWeight"},
        {R"({"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}})",
         ".blockIO.throttleReadBpsDevice[0].rate: is required"},
        {R"({"hugepageLimits": [{"pageSize": "2M", "limit": 1}]})",
         ".hugepageLimits[0].pageSize: expected a size like 64KB, 2MB or 1GB, found '2M'"},
        {R"({"hugepageLimits": [{"pageSize": "2MB", "limit": 1}, {"pageSize": "2MB", "limit": 2}]})",
         ".hugepageLimits[1].pageSize: 2MB is there twice"},
        {R"({"network": {"priorities": [{"name": "a b", "priority": 1}]}})",
         ".network.priorities[0].name: expected the name of an interface, found 'a b'"},
        {R"({"rdma": {"mlx": {}}})", ".rdma.mlx: expected hcaHandles or hcaObjects"},
        {R"({"unified": {"../x": "1"}})", ".unified.../x: expected the name of a file of a cgroup, like memory.high"},
        {R"({"unified": {"cpu": "1"}})", ".unified.cpu: expected the name of a file of a cgroup, like memory.high"},
        {R"({"unified": {"cpu.max": 1}})", ".unified.cpu.max: expected a string, found the number 1"},
        {R"({"devices": [{"type": "c"}]})", ".devices[0].allow: is required"},
        {R"({"devices": [{"allow": true, "type": "u"}]})",
         ".devices[0].type: unknown device type 'u': a, b and c are known"},
        {R"({"devices": [{"allow": true, "type": "char"}]})",
         ".devices[0].type: unknown device type 'char': a, b and c are known"},
        {R"({"devices": [{"allow": true, "access": "rx"}]})",
         ".devices[0].access: expected letters of rwm, found 'rx'"},
        {R"({"devices": [{"allow": true, "major": -2}]})",
         ".devices[0].major: expected a whole number from 0 to 4294967295, found the number -2"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(refusal(row.text) == "limits.json: "s + row.problem);
    }
}

TEST_CASE("resources: all problems are told at once") {
    CHECK(refusal(R"({"memory": {"swappiness": 200}, "cpu": {"idle": 5}, "pids": {"limit": -7}})") ==
          "limits.json: .memory.swappiness: 200 is not from 0 to 100; .cpu.idle: expected 0 or 1, found 5; "
          ".pids.limit: expected a limit, or -1 for none, found -7");
}

TEST_CASE("resources in a config.json: where they stand, and a cgroup that stays below the root") {
    try {
        parse_runtime_spec(R"({"ociVersion": "1.2.0", "process": {"args": ["sh"], "cwd": "/"}, "root": {"path": "r"},
            "linux": {"namespaces": [{"type": "mount"}], "cgroupsPath": "/a/../b",
                      "resources": {"pids": {"limit": "7"}}}})",
                           "config.json");
        FAIL("no error");
    } catch (const Error& error) {
        CAPTURE(error.message());
        for (const auto* problem : {".linux.cgroupsPath: expected a path without \"..\", found '/a/../b'",
                                    ".linux.resources.pids.limit: expected a whole number, found a string"})
            CHECK(error.message().find(problem) != std::string::npos);
    }
}
