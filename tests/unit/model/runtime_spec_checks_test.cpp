#include "model/runtime_spec_checks.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "base/json.hpp"

using namespace minirun;
using namespace std::string_literals;
using List = std::vector<std::string>;

namespace {

ContainerSpec sound_spec() {
    ContainerSpec spec;
    spec.process.args = {"sh"};
    spec.process.env = {"PATH=/bin", "EMPTY="};
    spec.linux_.namespaces = {{NamespaceType::mount, ""},
                              {NamespaceType::pid, ""},
                              {NamespaceType::uts, ""},
                              {NamespaceType::ipc, ""},
                              {NamespaceType::network, ""}};
    return spec;
}

// What is found in a sound spec after a change.
List problems_after(const std::function<void(ContainerSpec&)>& change) {
    auto spec = sound_spec();
    change(spec);
    Problems problems("config.json");
    check_spec(spec, problems);
    return problems.list();
}

void drop_namespace(ContainerSpec& spec, NamespaceType type) {
    std::erase_if(spec.linux_.namespaces, [&](const Namespace& one) { return one.type == type; });
}

}  // namespace

TEST_CASE("a sound spec has no problems") {
    CHECK(problems_after([](auto&) {}).empty());
}

TEST_CASE("ociVersion") {
    const auto with = [](const char* version) {
        return problems_after([&](auto& spec) { spec.oci_version = version; });
    };
    for (const auto* good : {"1.0.0", "1.0.2-dev", "1.2.1", "1.3.0-rc.1+build.5"}) CHECK(with(good).empty());
    CHECK(with("2.0.0") == List{".ociVersion: version 2.0.0 is not supported: minirun knows 1.x"});
    CHECK(with("0.5.0-dev") == List{".ociVersion: version 0.5.0-dev is not supported: minirun knows 1.x"});
    for (const auto* bad : {"", "1", "1.0", "1.0.0.0", "v1.0.0", "1.x.0", "1..0", "one", "-1.0.0"}) {
        CAPTURE(bad);
        CHECK(with(bad) == List{".ociVersion: expected a version like 1.2.0, found '" + std::string(bad) + "'"});
    }
}

TEST_CASE("process: command, environment, working directory") {
    CHECK(problems_after([](auto& spec) { spec.process.args.clear(); }) ==
          List{".process.args: no command: at least one argument is required"});
    CHECK(problems_after([](auto& spec) {
              spec.process.args = {"", "x"};
          }) == List{".process.args[0]: the command is an empty string"});
    CHECK(problems_after([](auto& spec) { spec.process.args = {"sh", ""}; }).empty());
    CHECK(problems_after([](auto& spec) { spec.process.env = {"A=1", "B", "=C", "", "D==", "E\n"}; }) ==
          List{".process.env[1]: expected NAME=value, found 'B'", ".process.env[2]: expected NAME=value, found '=C'",
               ".process.env[3]: expected NAME=value, found ''", ".process.env[5]: expected NAME=value, found 'E\\n'"});
    CHECK(problems_after([](auto& spec) { spec.process.cwd = "tmp"; }) ==
          List{".process.cwd: expected an absolute path, found 'tmp'"});
    CHECK(problems_after([](auto& spec) { spec.process.cwd = ""; }) ==
          List{".process.cwd: expected an absolute path, found ''"});
    CHECK(problems_after([](auto& spec) {
              spec.process.args.push_back("a\0b"s);
              spec.process.env.push_back("A=\0"s);
          }) == List{".process.args[1]: the string holds a NUL byte", ".process.env[2]: the string holds a NUL byte"});
}

TEST_CASE("process: ids, umask, oom score") {
    CHECK(problems_after([](auto& spec) {
              spec.process.user = {4294967295, 4294967295, 01777, {5, 4294967295}};
          }) == List{".process.user.uid: 4294967295 is no valid id", ".process.user.gid: 4294967295 is no valid id",
                     ".process.user.additionalGids[1]: 4294967295 is no valid id",
                     ".process.user.umask: 1023 is over 511 (0777)"});
    CHECK(problems_after([](auto& spec) { spec.process.user = {4294967294, 0, 0777, {}}; }).empty());
    CHECK(problems_after([](auto& spec) { spec.process.oom_score_adj = 1001; }) ==
          List{".process.oomScoreAdj: 1001 is not from -1000 to 1000"});
    CHECK(problems_after([](auto& spec) { spec.process.oom_score_adj = -1000; }).empty());
}

TEST_CASE("capabilities") {
    CHECK(problems_after([](auto& spec) {
              spec.process.capabilities = CapabilitySpec{{"CAP_CHOWN", "CAP_SUPER"}, {"x"}, {"y"}, {"z"}, {"CAP_"}};
          }) == List{".process.capabilities.bounding[1]: unknown capability 'CAP_SUPER'",
                     ".process.capabilities.effective[0]: unknown capability 'x'",
                     ".process.capabilities.inheritable[0]: unknown capability 'y'",
                     ".process.capabilities.permitted[0]: unknown capability 'z'",
                     ".process.capabilities.ambient[0]: unknown capability 'CAP_'"});
    CHECK(
        problems_after([](auto& spec) {
            spec.process.capabilities = CapabilitySpec{{"CAP_KILL"}, {"CAP_CHOWN", "CAP_KILL"}, {}, {"CAP_CHOWN"}, {}};
        }) == List{".process.capabilities.effective[1]: CAP_KILL must be in permitted too"});
    // What `runc spec` writes: ambient, but not inheritable.
    CHECK(problems_after([](auto& spec) {
              spec.process.capabilities = CapabilitySpec{{"CAP_KILL"}, {"CAP_KILL"}, {}, {"CAP_KILL"}, {"CAP_KILL"}};
          }).empty());
}

TEST_CASE("scheduling and personality") {
    CHECK(problems_after([](auto& spec) {
              spec.process.scheduler = SchedulerSpec{"SCHED_NOPE", 20, 0, {"SCHED_FLAG_NOPE"}, 0, 0, 0};
              spec.process.io_priority = IoPrioritySpec{"IOPRIO_CLASS_NOPE", 8};
              spec.process.exec_cpu_affinity = CpuAffinitySpec{"0-3,7", "3-1"};
              spec.linux_.personality = "LINUX64";
          }) == List{".process.scheduler.policy: unknown policy 'SCHED_NOPE'",
                     ".process.scheduler.flags[0]: unknown flag 'SCHED_FLAG_NOPE'",
                     ".process.scheduler.nice: 20 is not from -20 to 19",
                     ".process.ioPriority.class: unknown class 'IOPRIO_CLASS_NOPE'",
                     ".process.ioPriority.priority: 8 is not from 0 to 7",
                     ".process.execCPUAffinity.final: expected a list of CPUs like 0-3,7, found '3-1'",
                     ".linux.personality.domain: expected LINUX or LINUX32, found 'LINUX64'"});
    CHECK(problems_after([](auto& spec) {
              spec.process.scheduler = SchedulerSpec{"SCHED_FIFO", 0, 5, {"SCHED_FLAG_RESET_ON_FORK"}, 0, 0, 0};
              spec.process.io_priority = IoPrioritySpec{"IOPRIO_CLASS_BE", 7};
              spec.process.exec_cpu_affinity = CpuAffinitySpec{"", "0"};
              spec.linux_.personality = "LINUX32";
          }).empty());
}

TEST_CASE("memory policy") {
    CHECK(problems_after([](auto& spec) {
              spec.linux_.memory_policy = MemoryPolicySpec{"MPOL_NOPE", "1-", {"MPOL_F_STATIC_NODES", "MPOL_F_NOPE"}};
          }) == List{".linux.memoryPolicy.mode: unknown mode 'MPOL_NOPE'",
                     ".linux.memoryPolicy.flags[1]: unknown flag 'MPOL_F_NOPE'",
                     ".linux.memoryPolicy.nodes: expected a list of nodes like 0-3,7, found '1-'"});
    CHECK(problems_after([](auto& spec) {
              spec.linux_.memory_policy = MemoryPolicySpec{"MPOL_INTERLEAVE", "0", {"MPOL_F_RELATIVE_NODES"}};
          }).empty());
}

TEST_CASE("network devices") {
    const auto with = [](std::map<std::string, std::string> devices, bool own = true) {
        return problems_after([&](auto& spec) {
            if (!own) drop_namespace(spec, NamespaceType::network);
            spec.linux_.net_devices = std::move(devices);
        });
    };
    CHECK(with({{"eth0", "eth0"}, {"eth1", "fifteen-letters"}}).empty());
    CHECK(with({{"eth0", "eth0"}}, false) == List{".linux.netDevices.eth0: needs a network namespace"});
    CHECK(with({{"eth0", "lan"}, {"eth1", "lan"}}) ==
          List{".linux.netDevices.eth1.name: a second network device 'lan'"});
    CHECK(with({{"a b", "lan"}}) == List{".linux.netDevices.a b: no name of a network device"});
    for (const auto* bad : {"", ".", "..", "a/b", "a:b", "x%d", "sixteen-letters-"}) {
        CAPTURE(bad);
        CHECK(with({{"eth0", bad}}).size() == 1);
    }
}

TEST_CASE("idmapped mounts") {
    const auto with = [](MountSpec mount, bool user_namespace = false) {
        return problems_after([&](auto& spec) {
            if (user_namespace) spec.linux_.namespaces.push_back({NamespaceType::user, "/proc/7/ns/user"});
            spec.mounts = {std::move(mount)};
        });
    };
    const IdMapping one{0, 1000, 1};
    CHECK(with({"/a", "bind", "/b", {}, {one}, {one}}).empty());
    CHECK(with({"/a", "", "/b", {"rbind", "ridmap"}}, true).empty());
    CHECK(with({"/a", "", "/b", {"bind", "idmap"}}) ==
          List{".mounts[0].options: idmap needs uidMappings and gidMappings, or a user namespace"});
    CHECK(with({"/a", "bind", "/b", {}, {one}, {}}) == List{".mounts[0].gidMappings: is required beside uidMappings"});
    CHECK(with({"/a", "bind", "/b", {}, {}, {one}}) == List{".mounts[0].uidMappings: is required beside gidMappings"});
    CHECK(with({"/a", "tmpfs", "b", {}, {one}, {one}}) == List{".mounts[0]: only a new bind mount can be idmapped"});
    CHECK(with({"/a", "", "/b", {"bind", "remount"}, {one}, {one}}) ==
          List{".mounts[0]: only a new bind mount can be idmapped"});
    CHECK(with({"/a", "bind", "/b", {}, {one, one}, {one}}) ==
          List{".mounts[0].uidMappings[1]: overlaps with .mounts[0].uidMappings[0]"});
}

TEST_CASE("rlimits") {
    CHECK(problems_after([](auto& spec) {
              spec.process.rlimits = {
                  {"RLIMIT_NOFILE", 10, 20}, {"RLIMIT_FILES", 1, 1}, {"RLIMIT_CORE", 5, 4}, {"RLIMIT_NOFILE", 1, 1}};
          }) == List{".process.rlimits[1].type: unknown limit 'RLIMIT_FILES'",
                     ".process.rlimits[2]: the soft limit 5 of RLIMIT_CORE is over the hard limit 4",
                     ".process.rlimits[3].type: RLIMIT_NOFILE is there twice"});
    CHECK(problems_after([](auto& spec) {
              spec.process.rlimits = {{"RLIMIT_CORE", UINT64_MAX, UINT64_MAX}, {"RLIMIT_STACK", 7, 7}};
          }).empty());
}

TEST_CASE("host and domain name") {
    CHECK(problems_after([](auto& spec) {
              spec.hostname = std::string(64, 'h');
              spec.domainname = "example.org";
          }).empty());
    CHECK(problems_after([](auto& spec) { spec.hostname = std::string(65, 'h'); }) ==
          List{".hostname: 65 bytes are over the kernel's limit of 64"});
    CHECK(problems_after([](auto& spec) {
              drop_namespace(spec, NamespaceType::uts);
              spec.hostname = "h";
              spec.domainname = "d";
          }) == List{".hostname: needs a uts namespace: without one it would change the host's name",
                     ".domainname: needs a uts namespace: without one it would change the host's name"});
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces[2].path = "/run/ns/uts";
              spec.hostname = "h";
          }).empty());
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces[2].path = "/proc/1/ns/uts";
              spec.hostname = "h";
          }) == List{".hostname: needs a uts namespace: without one it would change the host's name"});
}

TEST_CASE("mounts") {
    CHECK(problems_after([](auto& spec) {
              spec.mounts = {{"/proc", "proc", "proc", {}},
                             {"/data", "", "/srv/data", {"rbind", "ro"}},
                             {"/data", "bind", "/srv/data", {}},
                             {"/data", "", "", {"remount", "ro"}}};
          }).empty());
    CHECK(problems_after([](auto& spec) {
              spec.mounts = {{"data", "tmpfs", "tmpfs", {}}, {"/", "tmpfs", "tmpfs", {}},
                             {"/a", "", "", {"bind"}},       {"/b", "", "/x", {"ro"}},
                             {"/c", "none", "/x", {}},       {"/d", "tmpfs", "tmpfs", {"ro", ""}}};
          }) == List{".mounts[0].destination: expected an absolute path, found 'data'",
                     ".mounts[1].destination: a mount on / would hide the root file system",
                     ".mounts[2].source: a bind mount needs a source",
                     ".mounts[3].type: expected a file system, or bind or rbind among the options",
                     ".mounts[4].type: expected a file system, or bind or rbind among the options",
                     ".mounts[5].options[1]: the option is an empty string"});
}

TEST_CASE("namespaces") {
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces.push_back({NamespaceType::pid, "/proc/7/ns/pid"});
              spec.linux_.namespaces.push_back({NamespaceType::cgroup, "ns/cgroup"});
          }) == List{".linux.namespaces[5]: a second namespace of type pid",
                     ".linux.namespaces[6].path: expected an absolute path, found 'ns/cgroup'"});
    const List no_mount{
        ".linux.namespaces: a new mount namespace is required: minirun mounts nothing in an existing one"};
    CHECK(problems_after([](auto& spec) { drop_namespace(spec, NamespaceType::mount); }) == no_mount);
    CHECK(problems_after([](auto& spec) { spec.linux_.namespaces[0].path = "/proc/7/ns/mnt"; }) == no_mount);
}

TEST_CASE("sysctls stay in the container") {
    const auto with = [](
                          const std::string& key, const std::function<void(ContainerSpec&)>& change = [](auto&) {}) {
        return problems_after([&](auto& spec) {
            change(spec);
            spec.linux_.sysctl[key] = "1";
        });
    };
    for (const auto* good : {"net.core.somaxconn", "net/ipv4/ip_forward", "kernel.sem", "kernel.shmmax",
                             "kernel.msgmnb", "fs.mqueue.msg_max", "kernel.domainname"}) {
        CAPTURE(good);
        CHECK(with(good).empty());
    }
    CHECK(with("vm.swappiness") ==
          List{".linux.sysctl.vm.swappiness: would change the host: no namespace has its own"});
    CHECK(with("kernel.core_pattern") ==
          List{".linux.sysctl.kernel.core_pattern: would change the host: no namespace has its own"});
    CHECK(with("kernel.hostname") == List{".linux.sysctl.kernel.hostname: use the key .hostname"});
    CHECK(with("net/../kernel/core_pattern") ==
          List{".linux.sysctl.net/../kernel/core_pattern: no name of a sysctl: expected words with dots between them"});
    CHECK(with("user.max_net_namespaces") == List{".linux.sysctl.user.max_net_namespaces: would change the host: no "
                                                  "namespace has its own"});
    CHECK(with("net.ipv4.ip_forward", [](auto& spec) { drop_namespace(spec, NamespaceType::network); }) ==
          List{".linux.sysctl.net.ipv4.ip_forward: would change the host: the container has no network namespace of "
               "its own"});
    CHECK(with("net.ipv4.ip_forward", [](auto& spec) { spec.linux_.namespaces[4].path = "/proc/1/ns/net"; }) ==
          List{".linux.sysctl.net.ipv4.ip_forward: would change the host: the container has no network namespace of "
               "its own"});
    CHECK(with("net.ipv4.ip_forward", [](auto& spec) { spec.linux_.namespaces[4].path = "/run/netns/a"; }).empty());
    CHECK(with("kernel.shmmax", [](auto& spec) { drop_namespace(spec, NamespaceType::ipc); }) ==
          List{".linux.sysctl.kernel.shmmax: would change the host: the container has no ipc namespace of its own"});
}

TEST_CASE("id mappings") {
    const auto with = [](std::vector<IdMapping> uids, std::vector<IdMapping> gids) {
        return problems_after([&](auto& spec) {
            spec.linux_.namespaces.push_back({NamespaceType::user, ""});
            spec.linux_.uid_mappings = std::move(uids);
            spec.linux_.gid_mappings = std::move(gids);
        });
    };
    const IdMapping all{0, 100000, 65536};
    CHECK(with({all}, {all}).empty());
    CHECK(with({{0, 1000, 1}, {1, 100000, 65536}}, {{0, 0, 4294967295}}).empty());
    CHECK(with({}, {all}) == List{".linux.uidMappings: a new user namespace needs at least one mapping"});
    CHECK(with({all, {70000, 300000, 0}}, {all}) == List{".linux.uidMappings[1].size: is 0"});
    CHECK(with({all, {65535, 300000, 10}}, {all}) ==
          List{".linux.uidMappings[1]: overlaps with .linux.uidMappings[0]"});
    CHECK(with({all}, {all, {65536, 165535, 1}}) == List{".linux.gidMappings[1]: overlaps with .linux.gidMappings[0]"});
    CHECK(with({all, {65536, 165536, 1}}, {all}).empty());
    CHECK(with({{0, 4294967290, 6}}, {all}) == List{".linux.uidMappings[0]: ends after the last id, 4294967294"});
    CHECK(with(std::vector<IdMapping>(341, all), {all}) ==
          List{".linux.uidMappings: 341 mappings are over the kernel's limit of 340"});
    CHECK(problems_after([&](auto& spec) {
              spec.linux_.uid_mappings = {all};
              spec.linux_.gid_mappings = {all};
          }) == List{".linux.uidMappings: needs a user namespace", ".linux.gidMappings: needs a user namespace"});
    CHECK(problems_after([&](auto& spec) {
              spec.linux_.namespaces.push_back({NamespaceType::user, "/run/ns/user"});
              spec.linux_.uid_mappings = {all};
          }).empty());
}

TEST_CASE("the process's ids are mapped") {
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces.push_back({NamespaceType::user, ""});
              spec.linux_.uid_mappings = {{0, 1000, 10}};
              spec.linux_.gid_mappings = {{0, 1000, 10}};
              spec.process.user = {10, 12, {}, {9, 11}};
          }) == List{".process.user.uid: 10 is not in .linux.uidMappings",
                     ".process.user.gid: 12 is not in .linux.gidMappings",
                     ".process.user.additionalGids[1]: 11 is not in .linux.gidMappings"});
}

TEST_CASE("time offsets") {
    CHECK(problems_after([](auto& spec) {
              spec.linux_.monotonic_offset = TimeOffset{5, 0};
          }) == List{".linux.timeOffsets.monotonic: needs a new time namespace"});
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces.push_back({NamespaceType::time, "/proc/7/ns/time"});
              spec.linux_.boottime_offset = TimeOffset{5, 0};
          }) == List{".linux.timeOffsets.boottime: needs a new time namespace"});
    CHECK(problems_after([](auto& spec) {
              spec.linux_.namespaces.push_back({NamespaceType::time, ""});
              spec.linux_.monotonic_offset = TimeOffset{-5, 999'999'999};
              spec.linux_.boottime_offset = TimeOffset{5, 1'000'000'000};
          }) == List{".linux.timeOffsets.boottime.nanosecs: 1000000000 is over 999999999"});
}

TEST_CASE("devices") {
    CHECK(problems_after([](auto& spec) {
              spec.linux_.devices = {{"/dev/fuse", 'c', 10, 229, 0666, 0, 0},
                                     {"dev/x", 'b', 4096, 1 << 20, 0666, 0, 0},
                                     {"/dev/fuse", 'p', 0, 0, 0666, 0, 0},
                                     {"/dev/y", 'z', 0, 0, 0666, 0, 0},
                                     {"/dev/z", 'u', 4095, (1 << 20) - 1, 0666, 0, 0}};
          }) == List{".linux.devices[1].path: expected an absolute path, found 'dev/x'",
                     ".linux.devices[1].major: 4096 is over 4095", ".linux.devices[1].minor: 1048576 is over 1048575",
                     ".linux.devices[2].path: a second device at '/dev/fuse'",
                     ".linux.devices[3].type: unknown device type 'z': c, b, u and p are known"});
}

TEST_CASE("propagation, hidden paths, annotations") {
    for (const auto* word : {"", "private", "slave", "shared", "unbindable", "rprivate", "rslave", "rshared"})
        CHECK(problems_after([&](auto& spec) { spec.linux_.rootfs_propagation = word; }).empty());
    CHECK(problems_after([](auto& spec) { spec.linux_.rootfs_propagation = "public"; }) ==
          List{".linux.rootfsPropagation: expected private, slave, shared or unbindable, found 'public'"});
    CHECK(problems_after([](auto& spec) {
              spec.linux_.masked_paths = {"/proc/kcore", "proc/keys"};
              spec.linux_.readonly_paths = {""};
          }) == List{".linux.maskedPaths[1]: expected an absolute path, found 'proc/keys'",
                     ".linux.readonlyPaths[0]: expected an absolute path, found ''"});
    CHECK(problems_after([](auto& spec) { spec.annotations[""] = "x"; }) ==
          List{".annotations: a key is an empty string"});
}
