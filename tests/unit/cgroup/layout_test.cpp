// Where cgroups are: the host's layout, the names of cgroups, and the directories of one.
#include <doctest/doctest.h>

#include "kernel/cgroup_layout.hpp"
#include "minirun/error.hpp"
#include "model/cgroup_place.hpp"
#include "support.hpp"

using namespace minirun;
using List = std::vector<std::string>;

namespace {

CgroupLayout hybrid() {
    return cgroup_layout(
        "30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct\n"
        "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
        "35 30 0:31 / /also/memory rw,relatime - cgroup cgroup rw,memory\n"
        "39 30 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n",
        "5:cpu,cpuacct:/\n4:memory:/mine/a\n1:name=systemd:/\n0::/\n", "/nowhere");
}

std::string refusal(std::string_view path) {
    try {
        return cgroup_name(path, "id");
    } catch (const Error& error) {
        return error.message();
    }
}

}  // namespace

TEST_CASE("cgroup layout: v2 alone") {
    const test::TemporaryDirectory root;
    root.file("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    root.directory("sys/fs/cgroup/system.slice");
    const auto text = "24 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const auto layout = cgroup_layout(text, "0::/user.slice/a\n", root.path());
    REQUIRE(layout.hierarchies.size() == 1);
    CHECK(layout.hierarchies[0] ==
          CgroupHierarchyMount{"/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "pids"}, "/user.slice/a", true});
    CHECK(layout.unified());
    CHECK(layout.find("memory") == &layout.hierarchies[0]);
    CHECK(layout.find("rdma") == nullptr);
    CHECK_FALSE(layout.bfq_weight);
    root.file("sys/fs/cgroup/system.slice/io.bfq.weight", "default 100\n");
    CHECK(cgroup_layout(text, "0::/\n", root.path()).bfq_weight);
}

TEST_CASE("cgroup layout: hybrid, where v1 has the controllers") {
    const auto layout = hybrid();
    REQUIRE(layout.hierarchies.size() == 4);
    CHECK_FALSE(layout.unified());
    CHECK(layout.find("cpuacct")->mount == "/sys/fs/cgroup/cpu,cpuacct");
    CHECK(layout.find("memory")->own == "/mine/a");
    CHECK(layout.find("name=systemd")->mount == "/sys/fs/cgroup/systemd");
    CHECK(layout.v2()->mount == "/sys/fs/cgroup/unified");
}

TEST_CASE("cgroup layout: what v2 has left beside v1 is not used") {
    const test::TemporaryDirectory root;
    root.file("u/cgroup.controllers", "hugetlb\n");
    const auto layout =
        cgroup_layout("34 30 0:31 / /m rw - cgroup cgroup rw,memory\n40 30 0:37 / /u rw - cgroup2 c rw\n",
                      "4:memory:/\n0::/\n", root.path());
    CHECK(layout.v2()->controllers == List{"hugetlb"});
    CHECK(layout.find("hugetlb") == nullptr);
}

TEST_CASE("cgroup layout: a mount of a part, names with spaces, and lines that are none") {
    const auto layout = cgroup_layout(
        "garbage\n1 2 3\n"
        "34 30 0:31 /docker/x /my\\040groups/memory rw - cgroup cgroup rw,memory\n",
        "nonsense\n4:memory:/docker/x/sub\n", "");
    REQUIRE(layout.hierarchies.size() == 1);
    CHECK(layout.hierarchies[0].mount == "/my groups/memory");
    CHECK(layout.hierarchies[0].own == "/sub");
    CHECK(cgroup_layout("", "", "").hierarchies.empty());
}

TEST_CASE("cgroup names") {
    CHECK(cgroup_name("", "id") == "/minirun-id");
    CHECK(cgroup_name("pods/a", "id") == "/minirun/pods/a");
    CHECK(cgroup_name("/docker//abc/.", "id") == "/docker/abc");
    CHECK(refusal("/a/../../b") ==
          "the cgroup '/a/../../b' has \"..\" in it: it must stay below the root of the cgroups");
    CHECK(refusal("//") == "the cgroup '//' is the root, which has other processes and takes no limits");
}

TEST_CASE("cgroup places: all hierarchies, or those of some controllers") {
    const auto layout = hybrid();
    const auto all = cgroup_place(layout, "/minirun/x");
    REQUIRE(all.directories.size() == 4);
    CHECK(all.find("memory")->path == "/sys/fs/cgroup/memory/minirun/x");
    CHECK(all.find("name=systemd")->path == "/sys/fs/cgroup/systemd/minirun/x");
    CHECK(all.v2()->path == "/sys/fs/cgroup/unified/minirun/x");
    CHECK(all.find("pids") == nullptr);
    const auto some = cgroup_place(layout, "/minirun/x", {"memory", "pids"});
    REQUIRE(some.directories.size() == 1);
    CHECK(some.find("memory") != nullptr);
    CHECK(some.v2() == nullptr);
}
