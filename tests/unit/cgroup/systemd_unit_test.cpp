#include "cgroup/systemd_unit.hpp"

#include <doctest/doctest.h>

#include "minirun/error.hpp"
#include "model/runtime_spec_resources.hpp"

using namespace minirun;
using namespace std::string_literals;
using List = std::vector<std::string>;

namespace {

std::string refusal(std::string_view path) {
    try {
        systemd_unit(path, "id", "");
    } catch (const Error& error) {
        CHECK(error.hint() == "with the systemd manager it is SLICE:PREFIX:NAME, like system.slice:minirun:web"s);
        return error.message();
    }
    return "no error";
}

}  // namespace

TEST_CASE("systemd units: names and where they are") {
    CHECK(systemd_unit("system.slice:docker:abc", "id", "") ==
          SystemdUnit{"system.slice", "docker-abc.scope", "/system.slice/docker-abc.scope"});
    CHECK(systemd_unit("", "id", "") ==
          SystemdUnit{"system.slice", "minirun-id.scope", "/system.slice/minirun-id.scope"});
    CHECK(systemd_unit("", "id", "/user.slice/user-5.slice/user@5.service") ==
          SystemdUnit{"user.slice", "minirun-id.scope",
                      "/user.slice/user-5.slice/user@5.service/user.slice/minirun-id.scope"});
    CHECK(systemd_unit("kube-pods-x.slice:cri:abc", "id", "").cgroup ==
          "/kube.slice/kube-pods.slice/kube-pods-x.slice/cri-abc.scope");
    CHECK(systemd_unit("-.slice::abc.scope", "id", "").cgroup == "/abc.scope");
}

TEST_CASE("systemd units: other forms") {
    CHECK(refusal("/a/b") == ".linux.cgroupsPath: expected three words with ':' between them, found '/a/b'");
    CHECK(refusal("a:b:c") == ".linux.cgroupsPath: the first word is no slice of systemd, found 'a:b:c'");
    CHECK(refusal("a--b.slice:b:c") ==
          ".linux.cgroupsPath: the first word is no slice of systemd, found 'a--b.slice:b:c'");
    CHECK(refusal(".slice:b:c") == ".linux.cgroupsPath: the first word is no slice of systemd, found '.slice:b:c'");
    CHECK(refusal("a.slice:b:../c") ==
          ".linux.cgroupsPath: the name is none for a unit of systemd, found 'a.slice:b:../c'");
}

TEST_CASE("systemd units: what resources are to systemd") {
    const auto properties = [](std::string_view text) {
        auto all = systemd_properties(parse_resources(text, "test"));
        all.erase(all.begin(), all.begin() + 3);
        return all;
    };
    CHECK(systemd_properties({}) == List{"Delegate=yes", "DefaultDependencies=no", "CollectMode=inactive-or-failed"});
    CHECK(properties(R"({"memory": {"limit": 1000, "swap": 1500, "reservation": 5}, "pids": {"limit": 7}})") ==
          List{"MemoryMax=1000", "MemoryLow=5", "MemorySwapMax=500", "TasksMax=7"});
    CHECK(properties(R"({"cpu": {"shares": 1024, "quota": 50000, "period": 200000, "cpus": "0-1", "mems": "0"}})") ==
          List{"CPUWeight=100", "CPUQuotaPeriodUSec=200000", "CPUQuotaPerSecUSec=250000", "AllowedCPUs=0-1",
               "AllowedMemoryNodes=0"});
    // Never less than was asked for.
    CHECK(properties(R"({"cpu": {"quota": 12345}})") == List{"CPUQuotaPerSecUSec=130000"});
    CHECK(properties(R"({"cpu": {"quota": -1}, "memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}})") ==
          List{"MemoryMax=infinity", "MemorySwapMax=infinity", "CPUQuotaPerSecUSec=infinity", "TasksMax=infinity"});
    CHECK(properties(R"({"blockIO": {"weight": 1000}})") == List{"IOWeight=10000"});
}
