// Plans against golden files: what is executed, dry-run and explained is this list.
// MINIRUN_ACCEPT=1 renews the files.
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "launch/child_reports.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/plan_process.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "plan/describe.hpp"
#include "support.hpp"

namespace minirun {
namespace {

KernelFeatures modern_kernel() {
    KernelFeatures features;
    features.release = "6.12.0";
    return features;
}

LaunchRequest small_request() {
    LaunchRequest request;
    request.id = std::string(64, 'a');
    request.container_dir = "/data/containers/aaaa";
    request.process_record = "/state/processes/aaaa";
    request.root.layers = {{"01-base", "/layers/01-base"}, {"02-app", "/layers/02-app"}};
    const RunOptions options;
    request.spec.mounts = default_mounts(options);
    request.spec.linux_.namespaces = default_namespaces(options);
    request.spec.linux_.masked_paths = {"/proc/kcore", "/sys/firmware"};
    request.spec.linux_.readonly_paths = {"/proc/sys"};
    request.spec.hostname = "box";
    request.spec.process.args = {"sh", "-c", "echo hi"};
    request.spec.process.env = {"PATH=/bin:/usr/bin"};
    request.spec.process.no_new_privileges = true;
    CapabilitySpec sets;
    sets.bounding = sets.effective = sets.permitted = {"CAP_CHOWN", "CAP_KILL"};
    request.spec.process.capabilities = sets;
    request.etc_files = {{"/etc/hostname", "box\n"}, {"/etc/hosts", "127.0.0.1 localhost\n"}};
    return request;
}

void matches_golden(const Plan& plan, const std::string& name) {
    const auto path = std::string(MINIRUN_GOLDEN_DIR) + "/" + name + ".plan";
    const auto text = plan_text(plan);
    if (std::getenv("MINIRUN_ACCEPT") != nullptr) std::ofstream(path) << text;
    std::ifstream file(path);
    std::stringstream golden;
    golden << file.rdbuf();
    CHECK_MESSAGE(golden.str() == text, "the plan differs from " << path << "; it is now:\n" << text);
}

std::vector<std::string> words_of(const Plan& plan) {
    std::vector<std::string> words;
    for (const auto& step : plan.steps) words.push_back(describe(step.operation));
    return words;
}

std::size_t position(const std::vector<std::string>& words, std::string_view start) {
    for (std::size_t i = 0; i < words.size(); i++)
        if (words[i].starts_with(start)) return i;
    FAIL("no step begins with " << start);
    return 0;
}

TEST_CASE("plan: the default one") { matches_golden(plan_from_request(small_request(), modern_kernel()), "default"); }

TEST_CASE("plan: ports that are published") {
    auto request = small_request();
    request.pasta = NetworkSetting{{{"", 8080, 80, 1, PublishedPorts::Protocol::tcp},
                                    {"::1", 8000, 9000, 11, PublishedPorts::Protocol::tcp},
                                    {"127.0.0.1", 5353, 53, 1, PublishedPorts::Protocol::udp}},
                                   "02:42:ac:11:00:02",
                                   "169.254.1.1",
                                   "/data/containers/aaaa/pasta"};
    const auto plan = plan_from_request(request, modern_kernel());
    matches_golden(plan, "published-ports");
    const auto* step = step_of<op::StartPasta>(plan);
    REQUIRE(step != nullptr);
    std::string words;
    for (const auto* const* word = step->argv; *word != nullptr; word++) words += std::string(*word) + ' ';
    CHECK(words ==
          "pasta --foreground --quiet --pid /dev/stdout --netns /proc/self/fd/0 --netns-only --no-netns-quit --runas 0 "
          "--config-net --ns-ifname eth0 --no-map-gw --tcp-ns none --udp-ns none --tcp-ports 8080:80 --tcp-ports "
          "::1/8000-8010:9000-9010 --udp-ports 127.0.0.1/5353:53 --ns-mac-addr 02:42:ac:11:00:02 --dns-forward "
          "169.254.1.1 ");
}

TEST_CASE("plan: networks that containers share") {
    auto request = small_request();
    auto& bridge = request.bridge.emplace();
    BridgeNetwork lan{"lan", "cccc", "", "mr-cccc", {{"10.90.0.0/24", "10.90.0.1"}, {"fd00:1::/64", "fd00:1::1"}},
                      false, true,   {}, {}};
    bridge.record.id = "aaaa";
    bridge.record.name = "web";
    bridge.record.ports = {{"", 8080, 80, 1, PublishedPorts::Protocol::tcp}};
    bridge.record.ends = {{lan, "eth0", {"10.90.0.2", "fd00:1::2"}, "02:42:0a:5a:00:02", {"aaaa"}, 0}};
    bridge.record_path = "/data/containers/aaaa/network.json";
    bridge.state = "/run/minirun/.networks";
    matches_golden(plan_from_request(request, modern_kernel()), "bridge");
}

TEST_CASE("plan: read-only, as a user, with init, a terminal, a volume and limits") {
    auto request = small_request();
    request.root.upper = RootSource::Upper::none;
    request.spec.root.readonly = true;
    request.supervision.init = true;
    request.streams = {true, true};
    request.spec.mounts.push_back({"/data", "bind", "/srv/data", {"rbind", "ro", "nosuid"}});
    request.spec.process.user = {1000, 1000, 077, {1000, 50}};
    request.spec.process.cwd = "/work";
    request.spec.process.rlimits = {{"RLIMIT_NOFILE", 64, 128}};
    request.spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
    matches_golden(plan_from_request(request, modern_kernel()), "read-only");
}

TEST_CASE("plan: an old kernel gets short names and one option string") {
    auto features = modern_kernel();
    features.overlay_lowerdir_add = false;
    features.cgroup_unified = false;
    features.cgroup_v1 = {{"cpu,cpuacct", {"cpu", "cpuacct"}}, {"systemd", {"none", "name=systemd"}}};
    matches_golden(plan_from_request(small_request(), features), "old-kernel");
}

TEST_CASE("plan: without fsopen(2) all file systems are mounted by mount(2)") {
    auto features = modern_kernel();
    features.overlay_lowerdir_add = false;
    features.filesystem_contexts = false;
    features.mount_setattr = false;
    matches_golden(plan_from_request(small_request(), features), "old-mount-call");

    auto request = small_request();
    request.spec.mounts.push_back({"/long", "tmpfs", "tmpfs", {"context=" + std::string(4096, 'x')}});
    CHECK_THROWS_WITH(plan_from_request(request, features),
                      doctest::Contains("does not take options as long as those"));
}

TEST_CASE("plan: without mount_setattr(2) nothing can map ids") {
    auto features = modern_kernel();
    features.mount_setattr = false;
    auto request = small_request();
    request.spec.mounts.push_back({"/mapped", "bind", "/data", {"bind", "idmap"}});
    CHECK_THROWS_WITH(plan_from_request(request, features),
                      "the ids of the mount '/mapped' cannot be mapped: this kernel (6.12.0) lacks mount_setattr");
}

TEST_CASE("plan: a user namespace maps the layers' ids and is entered last") {
    auto request = small_request();
    request.spec.linux_.namespaces.push_back({NamespaceType::user, ""});
    request.spec.linux_.uid_mappings = request.spec.linux_.gid_mappings = {{0, 655360, 65536}};
    matches_golden(plan_from_request(request, modern_kernel()), "user-namespace");
}

CgroupLayout cgroup_v1() {
    return {{{"/sys/fs/cgroup/memory", {"memory"}, "/own"},
             {"/sys/fs/cgroup/cpu", {"cpu", "cpuacct"}, "/"},
             {"/sys/fs/cgroup/devices", {"devices"}, "/"},
             {"/sys/fs/cgroup/freezer", {"freezer"}, "/"},
             {"/sys/fs/cgroup/unified", {}, "/", true}}};
}

LaunchRequest limited_request() {
    auto request = small_request();
    request.spec.linux_.resources.memory.limit = 1 << 20;
    request.spec.linux_.resources.cpu.shares = 512;
    request.spec.linux_.resources.devices = {DeviceRule{}, {true, 'c', 10, 200, "rw"}};
    return request;
}

TEST_CASE("plan: limits on cgroup v2, where the process is born in its cgroup") {
    auto features = modern_kernel();
    features.cgroups = {{{"/sys/fs/cgroup", {"cpu", "memory"}, "/", true}}};
    matches_golden(plan_from_request(limited_request(), features), "limits-v2");
}

TEST_CASE("plan: limits on cgroup v1, which the child enters by itself, the memory's last") {
    auto features = modern_kernel();
    features.cgroup_unified = false;
    features.cgroup_v1 = {{"memory", {"memory"}}};
    features.cgroups = cgroup_v1();
    matches_golden(plan_from_request(limited_request(), features), "limits-v1");
}

TEST_CASE("plan: an engine's container is in all hierarchies; without cgroups it is told") {
    auto request = small_request();
    request.cgroup = CgroupUse::always;
    auto features = modern_kernel();
    features.cgroups = cgroup_v1();
    const auto words = words_of(plan_from_request(request, features));
    (void)position(words, "make the cgroup /sys/fs/cgroup/freezer/minirun-");
    (void)position(words, "enter the cgroup /sys/fs/cgroup/freezer/minirun-");
    CHECK(position(words, "enter the cgroup") < position(words, "make a new cgroup namespace"));
    CHECK(position(words, "make a new cgroup namespace") < position(words, "mount cgroup"));
    features.cgroups = {};
    CHECK_THROWS_AS(plan_from_request(request, features), Error);
}

TEST_CASE("plan: a cgroup of v2 that the container can write to is its user's") {
    auto request = limited_request();
    request.spec.process.user.uid = 5;
    auto features = modern_kernel();
    features.cgroups = {{{"/sys/fs/cgroup", {"cpu", "memory"}, "/", true}}};
    const auto is_handed_over = [&](const std::string& to) {
        const auto words = words_of(plan_from_request(request, features));
        return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
            return word.starts_with("hand cgroup") && word.ends_with(" over to user " + to);
        });
    };
    auto& options = std::find_if(request.spec.mounts.begin(), request.spec.mounts.end(), [](const MountSpec& mount) {
                        return mount.type == "cgroup";
                    })->options;
    CHECK_FALSE(is_handed_over("5"));  // it is mounted read-only
    std::erase(options, "ro");
    CHECK(is_handed_over("5"));
    request.spec.linux_.namespaces.push_back({NamespaceType::user, ""});
    request.spec.linux_.uid_mappings = request.spec.linux_.gid_mappings = {{0, 100000, 10}};
    CHECK(is_handed_over("100005"));
    features.cgroups = cgroup_v1();
    CHECK_FALSE(is_handed_over("100005"));
}

TEST_CASE("plan: without limits there is no cgroup, and none for `deny all devices`") {
    auto request = small_request();
    request.spec.linux_.resources.devices = {DeviceRule{}};
    CHECK(plan_text(plan_from_request(request, modern_kernel())) ==
          plan_text(plan_from_request(small_request(), modern_kernel())));
    request.spec.process.capabilities->bounding.push_back("CAP_MKNOD");
    auto features = modern_kernel();
    features.cgroups = {{{"/sys/fs/cgroup", {}, "/", true}}};
    (void)position(words_of(plan_from_request(request, features)), "attach the device rules");
}

TEST_CASE("plan: a scope of systemd") {
    auto request = limited_request();
    request.cgroup_manager = CgroupManager::systemd;
    request.spec.linux_.cgroups_path = "system.slice:minirun:web";
    auto features = modern_kernel();
    features.cgroups = {{{"/sys/fs/cgroup", {"cpu", "memory"}, "/", true}}};
    const auto words = words_of(plan_from_request(request, features));
    CHECK(position(words, "have systemd start the scope minirun-web.scope") <
          position(words, "write /sys/fs/cgroup/system.slice/minirun-web.scope/memory.max = 1048576"));
    CHECK(position(words, "clone a process") < position(words, "leave the scope"));
    features.cgroups = cgroup_v1();
    CHECK_THROWS_AS(plan_from_request(request, features), Error);
}

TEST_CASE("plan: the writable layer in memory") {
    auto request = small_request();
    request.root.upper = RootSource::Upper::memory;
    request.root.memory_upper_size = 1 << 20;
    const auto words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(words[position(words, "mount tmpfs on memory")] ==
          "mount tmpfs on memory (mode=0700,size=1048576,nr_inodes=1024)");
    CHECK(words[position(words, "mount overlay")].find("upperdir=memory/upper,workdir=memory/work") !=
          std::string::npos);
}

TEST_CASE("plan: the filter comes last; without no_new_privs the right to load it is given up behind it") {
    auto request = small_request();
    request.spec.linux_.seccomp = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
    auto words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(position(words, "load the seccomp filter") == words.size() - 2);
    CHECK(position(words, "set no_new_privs") < position(words, "load the seccomp filter"));
    request.spec.process.no_new_privileges = false;
    words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(position(words, "load the seccomp filter") == words.size() - 3);
    CHECK(words[words.size() - 2].find("SYS_ADMIN") == std::string::npos);
    CHECK(words[position(words, "set capabilities")].find("SYS_ADMIN") != std::string::npos);
}

TEST_CASE("plan: the mount namespace is new whatever the spec says") {
    auto request = small_request();
    request.spec.linux_.namespaces.clear();
    const auto plan = plan_from_request(request, modern_kernel());
    for (const auto& step : plan.steps)
        if (const auto* clone = std::get_if<op::CloneProcess>(&step.operation)) CHECK(clone->flags == CLONE_NEWNS);
    const auto words = words_of(plan);
    CHECK(std::find(words.begin(), words.end(), "bring up the loopback interface") == words.end());
}

TEST_CASE("plan: host steps come first, whoever adds them") {
    const auto plan = plan_from_request(small_request(), modern_kernel());
    for (std::size_t i = 1; i < plan.steps.size(); i++) CHECK(plan.steps[i - 1].phase <= plan.steps[i].phase);
}

TEST_CASE("plan: a pid namespace is joined before the clone, a user namespace after pivot_root") {
    auto request = small_request();
    request.spec.linux_.namespaces = {{NamespaceType::pid, "/proc/1/ns/pid"}, {NamespaceType::user, "/proc/1/ns/user"}};
    const auto words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(position(words, "join the pid namespace /proc/1/ns/pid") < position(words, "clone a process"));
    CHECK(position(words, "open the user namespace /proc/1/ns/user") < position(words, "clone a process"));
    CHECK(position(words, "enter the user namespace") > position(words, "pivot_root"));
}

TEST_CASE("plan: hooks run when the tree is made, and before the child goes on") {
    auto request = small_request();
    request.spec.hooks.create_runtime = {{"/bin/a", {}, {}, 5}};
    request.spec.hooks.create_container = {{"/bin/b", {}, {}, {}}};
    const auto plan = plan_from_request(request, modern_kernel());
    const auto words = words_of(plan);
    CHECK(position(words, "wait until the container's tree is made") <
          position(words, "run the createRuntime hook /bin/a"));
    CHECK(position(words, "run the createRuntime hook /bin/a") <
          position(words, "run the createContainer hook /bin/b in the container's namespaces"));
    const auto& wait = plan.steps[position(words, "wait until minirun is ready")].operation;
    CHECK(std::get<op::AwaitParent>(wait).announce);
}

TEST_CASE("plan: the child works in minirun's memory where that can neither outlive nor end minirun") {
    auto features = modern_kernel();
    features.cgroups = cgroup_v1();
    const auto in_memory = [&](const auto& change) {
        auto request = small_request();
        change(request);
        return step_of<op::CloneProcess>(plan_from_request(request, features))->in_memory;
    };
    constexpr std::int64_t mebibyte = 1 << 20;
    CHECK(in_memory([](auto&) {}));
    CHECK(in_memory([](auto& request) { request.supervision.init = true; }));
    // What is split off there does not end with the first process.
    CHECK_FALSE(in_memory([](auto& request) {
        request.supervision.init = true;
        std::erase_if(request.spec.linux_.namespaces, [](auto& one) { return one.type == NamespaceType::pid; });
    }));
    CHECK_FALSE(in_memory([](auto& request) {
        request.supervision.init = true;
        request.spec.linux_.namespaces.push_back({NamespaceType::user, "/proc/1/ns/user"});
    }));
    CHECK_FALSE(in_memory([](auto& request) {
        for (auto& one : request.spec.linux_.namespaces)
            if (one.type == NamespaceType::pid) one.path = "/proc/1/ns/pid";
    }));
    // The OOM killer ends all who share a memory.
    const auto with_limit = [&](std::int64_t limit) {
        return in_memory([&](auto& request) { request.spec.linux_.resources.memory.limit = limit; });
    };
    CHECK(with_limit(256 * mebibyte));
    CHECK(with_limit(16 * mebibyte));
    CHECK_FALSE(with_limit(16 * mebibyte - 1));
    CHECK(with_limit(-1));
    const auto below = [&](const char* path) {
        return in_memory([&](auto& request) { request.spec.linux_.cgroups_path = path; });
    };
    CHECK(below("/own"));
    CHECK_FALSE(below("/somebody-s/own"));
    CHECK_FALSE(below("relative"));
    features.cgroups = {{{"/sys/fs/cgroup", {"cpu", "memory"}, "/", true}}};
    CHECK_FALSE(in_memory([](auto& request) { request.spec.linux_.resources.unified["memory.high"] = "1G"; }));
}

TEST_CASE("plan: a created container waits with all rights given up but those for the filter") {
    auto request = small_request();
    request.driven.waits_for_start = true;
    request.driven.outlives_minirun = true;
    const auto plan = plan_from_request(request, modern_kernel());
    const auto words = words_of(plan);
    const auto gate = position(words, "wait until the container is started");
    CHECK(position(words, "become uid") < gate);
    CHECK(gate < position(words, "exec"));
    CHECK(std::find(words.begin(), words.end(), "die when minirun dies (SIGKILL)") == words.end());
    // Its creator goes away.
    for (const auto& step : plan.steps)
        if (const auto* clone = std::get_if<op::CloneProcess>(&step.operation)) CHECK_FALSE(clone->in_memory);
}

TEST_CASE("plan: what cannot be done is said before anything is") {
    auto request = small_request();
    request.root.layers.assign(501, {"layer", "/layer"});
    CHECK(test::error_text([&] { plan_from_request(request, modern_kernel()); }) ==
          "the image has 501 layers, overlayfs takes at most 500 | ");
    request = small_request();
    request.spec.process.apparmor_profile = "docker-default";
    CHECK(test::error_text([&] { plan_from_request(request, modern_kernel()); }) ==
          "this host has no AppArmor, and the process is to have the profile 'docker-default' | take "
          ".process.apparmorProfile out");
    request = small_request();
    request.spec.linux_.mount_label = "u:r:t";
    CHECK(test::error_text([&] { plan_from_request(request, modern_kernel()); }) ==
          "this host has no SELinux, and the mounts are to have the label 'u:r:t' | take .linux.mountLabel out");
}

TEST_CASE("plan: a label for what is mounted, but for what has labels of its own") {
    auto request = small_request();
    request.spec.linux_.mount_label = "u:r:t:s0:c1,c2";
    request.spec.mounts = {{"/proc", "proc", "proc", {}},
                           {"/sys", "sysfs", "sysfs", {}},
                           {"/run", "tmpfs", "tmpfs", {}},
                           {"/dev/mqueue", "mqueue", "mqueue", {}}};
    auto kernel = modern_kernel();
    kernel.selinux = true;
    std::vector<std::string> labelled;
    const auto plan = plan_from_request(request, kernel);
    for (const auto& step : plan.steps)
        if (const auto* mount = std::get_if<op::MountFilesystem>(&step.operation))
            for (const auto& option : mount->options)
                if (option.key == std::string_view("context"))
                    labelled.push_back(std::string(mount->type) + " " + option.value);
    CHECK(labelled == std::vector<std::string>{"tmpfs u:r:t:s0:c1,c2"});
    (void)position(words_of(plan), "label /dev/mqueue as u:r:t:s0:c1,c2");
}

TEST_CASE("plan: an idmapped mount") {
    auto request = small_request();
    request.spec.mounts.push_back({"/x", "bind", "/y", {"ridmap"}, {{0, 1000, 1}}, {{0, 2000, 1}}});
    const auto words = words_of(plan_from_request(request, modern_kernel()));
    // Its user namespace is made by minirun itself, before the process that mounts is there.
    CHECK(position(words, "make a user namespace for a mount") < position(words, "clone"));
    CHECK(position(words, "clone") < position(words, "bind /y on /x"));
}

TEST_CASE("plan: only what both a mount and the root ask for is shared with the host") {
    auto request = small_request();
    request.spec.mounts.push_back({"/x", "bind", "/y", {"rbind", "rshared"}});
    request.spec.mounts.push_back({"/z", "bind", "/w", {"rbind", "rslave"}});
    const auto copies = [&] {
        const auto words = words_of(plan_from_request(request, modern_kernel()));
        return std::count_if(words.begin(), words.end(),
                             [](const std::string& word) { return word.ends_with("as a peer of the host's"); });
    };
    for (const auto* word : {"", "private", "rprivate", "slave", "rslave", "unbindable"}) {
        request.spec.linux_.rootfs_propagation = word;
        CHECK(copies() == 0);
    }
    for (const auto* word : {"shared", "rshared"}) {
        request.spec.linux_.rootfs_propagation = word;
        CHECK(copies() == 1);
        const auto words = words_of(plan_from_request(request, modern_kernel()));
        CHECK(position(words, "copy the mount at /y and those below it") < position(words, "clone"));
        CHECK(position(words, "pivot_root") < position(words, "make the root private"));
    }
    const auto words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(position(words, "make the root private") < position(words, "make all mounts rshared"));
}

TEST_CASE("plan: devices, in /dev and elsewhere") {
    auto request = small_request();
    request.spec.linux_.devices = {{"/var/null", 'c', 1, 3}, {"/dev/ptmx", 'c', 5, 2}, {"/dev/a/fuse", 'c', 10, 229}};
    const auto words = words_of(plan_from_request(request, modern_kernel()));
    CHECK(position(words, "make device /var/null") > position(words, "mount tmpfs on /dev"));
    CHECK(position(words, "make device /dev/a/fuse") > position(words, "make directory /dev/a"));
    // A link to the container's own.
    for (const auto& word : words) CHECK_FALSE(word.starts_with("make device /dev/ptmx"));
}

TEST_CASE("plan: where a command is looked for") {
    ProcessSpec process;
    process.args = {"ls"};
    process.env = {"PATH=/a::/b", "X=1"};
    CHECK(command_candidates(process) == std::vector<std::string>{"/a/ls", "./ls", "/b/ls"});
    process.env.clear();
    CHECK(command_candidates(process).front() == "/usr/local/sbin/ls");
    process.args = {"./ls"};
    CHECK(command_candidates(process) == std::vector<std::string>{"./ls"});
    process.args = {""};
    CHECK(command_candidates(process).empty());
}

TEST_CASE("plan as JSON: one object a step, with its fields") {
    const auto json = plan_json(plan_from_request(small_request(), modern_kernel()));
    CHECK(json.find("\"step\": \"mount_overlay\"") != std::string::npos);
    CHECK(json.find("\"/layers/02-app\"") != std::string::npos);
    CHECK(json.find("\"argv\": [\n      \"sh\",\n      \"-c\",\n      \"echo hi\"\n    ]") != std::string::npos);
}

}  // namespace
}  // namespace minirun
