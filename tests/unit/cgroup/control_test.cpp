// What is read from a cgroup and written to it, on a tree of plain files that looks like one. How the kernel behaves is
// for tests/system/test_cgroup.py.
#include "cgroup/control.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"
#include "cgroup/usage.hpp"
#include "minirun/error.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

CgroupPlace unified(const test::TemporaryDirectory& root) {
    return {"/x", {{root.path(), root / "x", {"cpu", "memory", "pids", "io"}, true}}};
}
CgroupPlace legacy(const test::TemporaryDirectory& root) {
    return {"/x",
            {{root / "memory", root / "memory/x", {"memory"}, false},
             {root / "blkio", root / "blkio/x", {"blkio"}, false},
             {root / "cpu", root / "cpu/x", {"cpu", "cpuacct"}, false},
             {root / "pids", root / "pids/x", {"pids"}, false},
             {root / "freezer", root / "freezer/x", {"freezer"}, false}}};
}

}  // namespace

TEST_CASE("cgroup: made with its parents, each of which hands its controllers on") {
    const test::TemporaryDirectory root;
    root.file("cgroup.controllers", "cpu memory\n");
    root.file("cgroup.subtree_control", "");
    REQUIRE(make_cgroup(root.path(), root / "a/b", true).ok());
    CHECK(root.text("cgroup.subtree_control") == "+memory");  // a plain file keeps the last of two writes
    root.file("a/b/cgroup.procs", "17\n");
    CHECK(make_cgroup(root.path(), root / "a/b", true).error() == EEXIST);
}

TEST_CASE("cgroup: a cpuset of v1 begins with what its parent has") {
    const test::TemporaryDirectory root;
    root.file("cpuset.cpus", "0-3\n");
    root.file("cpuset.mems", "0\n");
    root.file("a/cpuset.cpus", "\n");
    root.file("a/cpuset.mems", "1\n");
    REQUIRE(make_cgroup(root.path(), root / "a", false).ok());
    CHECK(root.text("a/cpuset.cpus") == "0-3");
    CHECK(root.text("a/cpuset.mems") == "1\n");
}

TEST_CASE("cgroup: a limit of v1 that is set already is not written again") {
    const test::TemporaryDirectory root;
    root.file("memory.limit_in_bytes", "8192\n");
    CHECK(write_cgroup_file(root / "memory.limit_in_bytes", "8200").ok());  // the same in whole pages
    CHECK(root.text("memory.limit_in_bytes") == "8192\n");
    CHECK(write_cgroup_file(root / "memory.limit_in_bytes", "16384").ok());
    CHECK(root.text("memory.limit_in_bytes") == "16384");
    CHECK(write_cgroup_file(root / "nothing", "1").error() == ENOENT);
}

TEST_CASE("cgroup: what an update has to know") {
    const test::TemporaryDirectory root;
    root.file("x/memory.max", "4096\n");
    root.file("x/memory.swap.max", "max\n");
    root.file("x/cpu.max", "max 50000\n");
    const auto v2 = current_limits(unified(root));
    CHECK(v2.memory == 4096);
    CHECK(v2.memory_swap == -1);
    CHECK(v2.cpu_quota == -1);
    CHECK(v2.cpu_period == 50000);
    root.file("memory/x/memory.limit_in_bytes", "8192\n");
    root.file("memory/x/memory.memsw.limit_in_bytes", "9223372036854771712\n");
    const auto v1 = current_limits(legacy(root));
    CHECK(v1.memory == 8192);
    CHECK(v1.memory_swap == INT64_MAX);
}

TEST_CASE("cgroup: a setting that cannot be made is named") {
    const test::TemporaryDirectory root;
    root.directory("x");
    try {
        apply_settings(unified(root), {{"memory", "memory.max", "5", ".memory.limit"}});
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.message() == "cannot set .memory.limit: writing '5' to '" + (root / "x/memory.max") +
                                     "': No such file or directory (ENOENT)");
    }
}

TEST_CASE("cgroup: processes of it and below it, each once") {
    const test::TemporaryDirectory root;
    root.file("memory/x/cgroup.procs", "30\n7\n0\n");
    root.file("memory/x/sub/cgroup.procs", "31\n");
    root.file("pids/x/cgroup.procs", "7\n");
    CHECK(cgroup_processes(legacy(root)) == std::vector<pid_t>{7, 30, 31});
    CHECK(cgroup_processes(unified(root)).empty());
    CHECK_THROWS_AS(refuse_occupied(legacy(root)), Error);
}

TEST_CASE("cgroup verdict: v2") {
    const test::TemporaryDirectory root;
    root.file("x/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 2\n");
    root.file("x/memory.events.local", "low 0\nmax 0\noom 0\noom_kill 2\n");
    root.file("x/memory.peak", "12345\n");
    root.file("x/memory.max", "max\n");
    root.file("x/cpu.stat",
              "usage_usec 7\nuser_usec 3\nsystem_usec 4\nnr_periods 3\nnr_throttled 2\nthrottled_usec 9\n");
    root.file("x/pids.peak", "4\n");
    root.file("x/pids.events", "max 6\n");
    root.file("x/io.stat",
              "8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=5 dios=1\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n");
    const auto above = cgroup_verdict(unified(root));
    CHECK(above == ResourceVerdict{2, false, {}, 12345, {}, 7000, 3000, 4000, 4, 6, 2, 9000, 11, 22});
    root.file("x/memory.events.local", "oom 1\n");
    root.file("x/memory.max", "4096\n");
    const auto own = cgroup_verdict(unified(root));
    CHECK(own.own_memory_limit);
    CHECK(own.memory_limit == 4096);
}

TEST_CASE("cgroup verdict: v1") {
    const test::TemporaryDirectory root;
    root.file("memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    root.file("memory/x/memory.failcnt", "0\n");
    root.file("memory/x/memory.memsw.failcnt", "0\n");
    root.file("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
    root.file("blkio/x/blkio.throttle.io_service_bytes_recursive", "8:0 Read 30\n8:0 Write 40\nTotal 70\n");
    root.file("cpu/x/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 9\n");
    root.file("cpu/x/cpuacct.usage", "77\n");
    root.file("cpu/x/cpuacct.usage_user", "70\n");
    root.file("cpu/x/cpuacct.usage_sys", "7\n");
    const auto above = cgroup_verdict(legacy(root));
    CHECK(above == ResourceVerdict{1, false, {}, {}, {}, 77, 70, 7, {}, {}, 2, 9, 30, 40});
    root.file("memory/x/memory.memsw.failcnt", "3\n");
    CHECK(cgroup_verdict(legacy(root)).own_memory_limit);
    // Newer kernels do not count failures.
    root.file("memory/x/memory.memsw.failcnt", "0\n");
    root.file("memory/x/memory.limit_in_bytes", "20971520\n");
    root.file("memory/x/memory.max_usage_in_bytes", "10000000\n");
    CHECK_FALSE(cgroup_verdict(legacy(root)).own_memory_limit);
    root.file("memory/x/memory.max_usage_in_bytes", "20967424\n");
    CHECK(cgroup_verdict(legacy(root)).own_memory_limit);
}

TEST_CASE("cgroup statistics have runc's form") {
    const test::TemporaryDirectory root;
    root.file("x/cpu.stat", "usage_usec 7\nuser_usec 4\nsystem_usec 3\n");
    root.file("x/memory.current", "100\n");
    root.file("x/memory.max", "4096\n");
    root.file("x/memory.stat", "anon 5\nfile 6\n");
    root.file("x/pids.current", "2\n");
    root.file("x/pids.max", "max\n");
    root.file("x/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
    const auto v2 = cgroup_statistics(unified(root));
    CHECK(v2["cpu"]["usage"].dump() == R"({"total":7000,"kernel":3000,"user":4000})");
    CHECK(v2["memory"]["usage"].dump() == R"({"limit":4096,"usage":100,"max":0,"failcnt":0})");
    CHECK(v2["memory"]["raw"]["anon"] == 5);
    CHECK(v2["pids"].dump() == R"({"current":2,"limit":0})");
    CHECK(v2["blkio"]["ioServiceBytesRecursive"][1].dump() == R"({"major":8,"minor":0,"op":"Write","value":2})");
    root.file("cpu/x/cpuacct.usage_percpu", "5 6 \n");
    root.file("memory/x/memory.usage_in_bytes", "50\n");
    const auto v1 = cgroup_statistics(legacy(root));
    CHECK(v1["cpu"]["usage"]["percpu"].dump() == "[5,6]");
    CHECK(v1["memory"]["usage"]["usage"] == 50);
}
