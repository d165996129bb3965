// Resources -> files of a cgroup, for v2 and v1.
#include "cgroup/settings.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec_resources.hpp"

using namespace minirun;
using namespace std::string_literals;
using List = std::vector<std::string>;

namespace {

const CgroupLayout v2{{{"/c", {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"}, "/", true}}};
const CgroupLayout v1{{{"/c/cpu", {"cpu", "cpuacct"}, "/"},
                       {"/c/cpuset", {"cpuset"}, "/"},
                       {"/c/memory", {"memory"}, "/"},
                       {"/c/blkio", {"blkio"}, "/"},
                       {"/c/net", {"net_cls", "net_prio"}, "/"},
                       {"/c/hugetlb", {"hugetlb"}, "/"},
                       {"/c/pids", {"pids"}, "/"}}};

CgroupSettings settings(std::string_view text, const CgroupLayout& layout, const CurrentLimits& current = {}) {
    return cgroup_settings(parse_resources(text, "test"), layout, "", "", current);
}
// "memory.max=max".
List written(std::string_view text, const CgroupLayout& layout, const CurrentLimits& current = {}) {
    List all;
    for (const auto& one : settings(text, layout, current).list) all.push_back(cat(one.file, '=', one.value));
    return all;
}
std::string refusal(std::string_view text, const CgroupLayout& layout, const CurrentLimits& current = {}) {
    try {
        written(text, layout, current);
    } catch (const Error& error) {
        return error.message();
    }
    return "no error";
}

}  // namespace

TEST_CASE("cgroup settings: memory on v2, where swap is counted by itself") {
    CHECK(written(R"({"memory": {"limit": 1000, "reservation": 500, "swap": 1500}})", v2) ==
          List{"memory.swap.max=500", "memory.max=1000", "memory.low=500"});
    CHECK(written(R"({"memory": {"limit": 1000, "swap": 1000}})", v2) == List{"memory.swap.max=0", "memory.max=1000"});
    // A new cgroup has no limit of swap; one in use may have.
    CHECK(written(R"({"memory": {"limit": 1000, "swap": -1}})", v2) == List{"memory.max=1000"});
    CHECK(written(R"({"memory": {"limit": 1000, "swap": -1}})", v2, {5, 6, {}, {}}) ==
          List{"memory.swap.max=max", "memory.max=1000"});
    CHECK(written(R"({"memory": {"limit": -1}})", v2, {5, 6, {}, {}}) == List{"memory.swap.max=max", "memory.max=max"});
    // An update of the swap alone counts from the limit that is there.
    CHECK(written(R"({"memory": {"swap": 1500}})", v2, {1000, 0, {}, {}}) == List{"memory.swap.max=500"});
    CHECK(refusal(R"({"memory": {"swap": 1500}})", v2) ==
          ".memory.swap needs a memory limit: it counts memory and swap together");
    CHECK(refusal(R"({"memory": {"swap": 1500}})", v2, {2000, 0, {}, {}}) ==
          ".memory.swap 1500 is below the memory limit 2000");
}

TEST_CASE("cgroup settings: what v2 does not know of memory is told") {
    const auto all =
        settings(R"({"memory": {"swappiness": 0, "disableOOMKiller": true, "kernel": 5, "kernelTCP": 6}})", v2);
    CHECK(all.list.empty());
    CHECK(all.notices.size() == 4);
    CHECK(all.notices[0] == ".memory.swappiness is not known to cgroup v2, where the host's vm.swappiness counts");
}

TEST_CASE("cgroup settings: memory on v1, in the order that the kernel takes") {
    CHECK(written(R"({"memory": {"limit": 1000, "swap": 1500, "reservation": 5, "swappiness": 0, "kernelTCP": 7,
                      "disableOOMKiller": true}})",
                  v1) == List{"memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1500",
                              "memory.soft_limit_in_bytes=5", "memory.swappiness=0", "memory.oom_control=1",
                              "memory.kmem.tcp.limit_in_bytes=7"});
    // Raised: first the two together. Lowered: first the one inside.
    CHECK(written(R"({"memory": {"limit": 4000, "swap": 5000}})", v1, {1000, 2000, {}, {}}) ==
          List{"memory.memsw.limit_in_bytes=5000", "memory.limit_in_bytes=4000"});
    CHECK(written(R"({"memory": {"limit": 500, "swap": 600}})", v1, {1000, 2000, {}, {}}) ==
          List{"memory.limit_in_bytes=500", "memory.memsw.limit_in_bytes=600"});
    CHECK(written(R"({"memory": {"limit": 4000, "swap": -1}})", v1, {1000, 2000, {}, {}}) ==
          List{"memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=4000"});
    CHECK(written(R"({"memory": {"limit": 4000, "swap": -1}})", v1) == List{"memory.limit_in_bytes=4000"});
    CHECK(written(R"({"memory": {"limit": 0, "swap": 0, "reservation": 0}})", v1).empty());
}

TEST_CASE("cgroup settings: cpu") {
    constexpr auto all = R"({"cpu": {"shares": 1024, "quota": 50000, "period": 200000, "burst": 1000, "cpus": "0-1",
                                     "mems": "0"}})";
    CHECK(written(all, v2) ==
          List{"cpuset.cpus=0-1", "cpuset.mems=0", "cpu.weight=100", "cpu.max=50000 200000", "cpu.max.burst=1000"});
    CHECK(written(all, v1) == List{"cpuset.cpus=0-1", "cpuset.mems=0", "cpu.shares=1024", "cpu.cfs_period_us=200000",
                                   "cpu.cfs_quota_us=50000", "cpu.cfs_burst_us=1000"});
    CHECK(written(R"({"cpu": {"quota": -1}})", v2) == List{"cpu.max=max 100000"});
    CHECK(written(R"({"cpu": {"period": 50000}})", v2, {{}, {}, 20000, 100000}) == List{"cpu.max=20000 50000"});
    CHECK(written(R"({"cpu": {"quota": 5000}})", v2, {{}, {}, 20000, 70000}) == List{"cpu.max=5000 70000"});
    // An idle cgroup takes no weight.
    CHECK(written(R"({"cpu": {"shares": 5, "idle": 1}})", v2) == List{"cpu.idle=1"});
    CHECK(written(R"({"cpu": {"shares": 2, "idle": 0}})", v2) == List{"cpu.idle=0", "cpu.weight=1"});
    CHECK(written(R"({"cpu": {"realtimeRuntime": 5, "realtimePeriod": 10}})", v1) ==
          List{"cpu.rt_period_us=10", "cpu.rt_runtime_us=5"});
    CHECK(refusal(R"({"cpu": {"realtimeRuntime": 5}})", v2) == ".cpu.realtimeRuntime is not known to cgroup v2");
}

TEST_CASE("cgroup settings: weights of both kinds") {
    CHECK(cpu_weight(2) == 1);
    CHECK(cpu_weight(1024) == 100);
    CHECK(cpu_weight(262144) == 10000);
    CHECK(cpu_weight(1) == 1);
    CHECK(cpu_weight(UINT64_MAX) == 10000);
    CHECK(cpu_weight(512) == 59);
    CHECK(cpu_weight(2048) == 174);
    CHECK(io_weight(10) == 1);
    CHECK(io_weight(1000) == 10000);
}

TEST_CASE("cgroup settings: block I/O") {
    constexpr auto all = R"({"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 10}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}]}})";
    CHECK(written(all, v2) == List{"io.weight=4950", "io.weight=8:0 1", "io.max=8:0 rbps=1", "io.max=8:16 wiops=max"});
    CHECK(written(all, v1) == List{"blkio.weight=500", "blkio.weight_device=8:0 10",
                                   "blkio.throttle.read_bps_device=8:0 1", "blkio.throttle.write_iops_device=8:16 0"});
    auto bfq = v2;
    bfq.bfq_weight = true;
    CHECK(written(R"({"blockIO": {"weight": 500}})", bfq) == List{"io.bfq.weight=500"});
    bfq = v1;
    bfq.bfq_weight = true;
    CHECK(written(R"({"blockIO": {"weight": 500}})", bfq) == List{"blkio.bfq.weight=500"});
}

TEST_CASE("cgroup settings: the others") {
    constexpr auto all = R"({"pids": {"limit": 5}, "hugepageLimits": [{"pageSize": "2MB", "limit": 7}]})";
    CHECK(written(all, v2) == List{"pids.max=5", "hugetlb.2MB.max=7", "hugetlb.2MB.rsvd.max=7"});
    CHECK(written(all, v1) == List{"pids.max=5", "hugetlb.2MB.limit_in_bytes=7", "hugetlb.2MB.rsvd.limit_in_bytes=7"});
    CHECK(written(R"({"pids": {"limit": -1}})", v2) == List{"pids.max=max"});
    CHECK(written(R"({"rdma": {"mlx": {"hcaHandles": 3, "hcaObjects": 4}}})", v2) ==
          List{"rdma.max=mlx hca_handle=3 hca_object=4"});
    CHECK(written(R"({"network": {"classID": 5, "priorities": [{"name": "eth0", "priority": 2}]}})", v1) ==
          List{"net_cls.classid=5", "net_prio.ifpriomap=eth0 2"});
    CHECK(refusal(R"({"network": {"classID": 5}})", v2) == ".network.classID is not known to cgroup v2");
    CHECK(written(R"({"unified": {"io.max": "8:0 rbps=1\n8:16 rbps=2", "cgroup.max.depth": "2"}})", v2) ==
          List{"cgroup.max.depth=2", "io.max=8:0 rbps=1", "io.max=8:16 rbps=2"});
    CHECK(refusal(R"({"unified": {"memory.high": "1"}})", v1) ==
          ".unified.memory.high is for cgroup v2, and this host has v1");
}

TEST_CASE("cgroup settings: all missing controllers are named at once") {
    const CgroupLayout few{{{"/c", {"cpu"}, "/", true}}};
    try {
        cgroup_settings(parse_resources(R"({"memory": {"limit": 5}, "pids": {"limit": 3}, "cpu": {"shares": 5}})", "t"),
                        few, "config.json", ".linux.resources");
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::unsupported);
        CHECK(error.message() ==
              "config.json: .linux.resources.memory.limit needs the cgroup controller memory, which this host does not "
              "have; .linux.resources.pids.limit needs the cgroup controller pids, which this host does not have"s);
        CHECK(error.hint() == "leave the limit away, or boot a kernel that has the controller and mounts it"s);
    }
    // No limit is there without the controller, too.
    CHECK(written(R"({"memory": {"limit": -1}, "pids": {"limit": -1}})", few).empty());
}
