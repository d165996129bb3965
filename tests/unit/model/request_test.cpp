#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

#include "base/text.hpp"
#include "model/defaults.hpp"
#include "model/request_from_image.hpp"
#include "support.hpp"

using namespace minirun;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;
using Kind = VolumeOption::Kind;

namespace {

const Words issue_capabilities{
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",           "CAP_FSETID",     "CAP_KILL",   "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP"};

struct Fixture {
    Image image;
    RunOptions options;
    ImageFiles files;
    HostFacts host;
    mutable Words asked;  // for which directories the image was looked at

    Fixture() {
        image.name = "web";
        image.config_file = "/images/web/config.json";
        image.config.entrypoint = {"/entry"};
        image.config.cmd = {"serve", "-v"};
        image.layers = {{"01", "/l/1"}, {"02", "/l/2"}};
        files.passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
        files.group = "root:x:0:\nwheel:x:10:root\napp:x:1001:\naudio:x:29:app\nweb:x:2000:\n";
        files.directory_stack = [this](const std::string& path) {
            asked.push_back(path);
            return path == "/data" ? Words{"/l/2/data", "/l/1/data"} : Words{};
        };
        host.id = "0123456789ab" + std::string(52, 'f');
        host.container_dir = "/c/0123";
        host.seccomp_cache = "/cache";
        host.hostname = "big";
        host.default_seccomp_profile = "the default profile";
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    LaunchRequest request() const { return request_from_image(image, options, files, host); }
    ContainerSpec spec() const { return request().spec; }
    std::string refused() const {
        return test::error_text([&] { request(); });
    }
    std::string mount_at(std::string_view destination) const {
        const auto mounts = spec().mounts;
        for (const auto& mount : mounts)
            if (mount.destination == destination)
                return mount.type + " " + mount.source + " " + join(mount.options, ",");
        return "none";
    }
    Words mounted() const {
        Words all;
        const auto mounts = spec().mounts;
        for (const auto& mount : mounts) all.push_back(mount.destination);
        return all;
    }
    Words namespaces() const {
        constexpr const char* names[] = {"mount", "pid", "network", "uts", "ipc", "cgroup", "user", "time"};
        Words all;
        const auto list = spec().linux_.namespaces;
        for (const auto& one : list) all.emplace_back(names[static_cast<int>(one.type)]);
        return all;
    }
};

VolumeOption bind(std::string source, std::string destination, Words words = {}) {
    return {Kind::bind, std::move(source), std::move(destination), false, std::move(words)};
}
VolumeOption anonymous(std::string destination) { return {Kind::anonymous, "", std::move(destination), false, {}}; }

bool contains(const Words& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("request: Entrypoint, Cmd and what replaces them") {
    using Entrypoint = std::optional<Words>;
    const struct {
        Words entrypoint, cmd;
        Entrypoint option;
        Words arguments;
        Words expected;
    } rows[] = {
        {{"/e"}, {"c", "d"}, {}, {}, {"/e", "c", "d"}},
        {{"/e"}, {"c", "d"}, {}, {"x"}, {"/e", "x"}},
        {{}, {"c", "d"}, {}, {}, {"c", "d"}},
        {{}, {"c", "d"}, {}, {"x", "y"}, {"x", "y"}},
        {{"/e"}, {}, {}, {}, {"/e"}},
        {{"/e"}, {"c"}, Entrypoint(Words{"/o"}), {}, {"/o"}},
        {{"/e"}, {"c"}, Entrypoint(Words{"/o"}), {"x"}, {"/o", "x"}},
        {{"/e"}, {"c"}, Entrypoint(Words{}), {"x"}, {"x"}},
        {{""}, {"c"}, {}, {}, {"c"}},
        {{"/e"}, {"c"}, Entrypoint(Words{""}), {"x"}, {"x"}},
    };
    for (const auto& row : rows) {
        Fixture fixture;
        fixture.image.config.entrypoint = row.entrypoint;
        fixture.image.config.cmd = row.cmd;
        fixture.options.entrypoint = row.option;
        fixture.options.arguments = row.arguments;
        CHECK(fixture.spec().process.args == row.expected);
    }
}

TEST_CASE("request: nothing to run") {
    Fixture fixture;
    fixture.options.entrypoint = Words{};
    CHECK(fixture.refused() ==
          "--entrypoint leaves nothing to run of image 'web' | give a command: minirun run IMAGE COMMAND [ARG…]");
    fixture.options.entrypoint.reset();
    fixture.image.config.entrypoint = fixture.image.config.cmd = {};
    CHECK(fixture.refused() ==
          "there is neither an Entrypoint nor a Cmd in image 'web' | "
          "give a command: minirun run IMAGE COMMAND [ARG…]");
    CHECK(test::error_kind([&] { fixture.request(); }) == ErrorKind::bad_input);
    fixture.image.form = Image::Form::plain_rootfs;
    CHECK(fixture.refused() ==
          "there is no command to run in 'web' | give one: minirun run --rootfs DIR COMMAND [ARG…]");
    fixture.options.arguments = {""};
    CHECK(fixture.refused() ==
          "the command to run in image 'web' is an empty word | give a command: minirun run IMAGE COMMAND [ARG…]");
}

TEST_CASE("request: environment") {
    Fixture fixture;
    CHECK(fixture.spec().process.env == Words{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                              "HOME=/root", "HOSTNAME=0123456789ab"});

    fixture.image.config.env = {"A=1", "PATH=/bin", "B=2", "A=3"};
    fixture.options.env = {"B=4", "C=5", "C=6", "A", "NEVER", "HOME=/x", "EMPTY="};
    fixture.options.tty = true;
    CHECK(fixture.spec().process.env ==
          Words{"PATH=/bin", "B=4", "HOME=/x", "HOSTNAME=0123456789ab", "TERM=xterm", "C=6", "EMPTY="});

    fixture.image.config.env = {"HOME=", "TERM=dumb", "HOSTNAME=mine", "PATH=", "PATHS=/y"};
    fixture.options.env = {};
    CHECK(fixture.spec().process.env == fixture.image.config.env);
}

TEST_CASE("request: working directory") {
    Fixture fixture;
    CHECK(fixture.spec().process.cwd == "/");
    fixture.image.config.working_dir = "/srv";
    CHECK(fixture.spec().process.cwd == "/srv");
    fixture.options.working_dir = "/tmp";
    CHECK(fixture.spec().process.cwd == "/tmp");
    fixture.options.working_dir = "tmp";
    CHECK(fixture.refused() == "--workdir 'tmp': the path in the container has to be absolute | ");
}

TEST_CASE("request: user and groups") {
    Fixture fixture;
    CHECK(fixture.spec().process.user == UserSpec{0, 0, {}, {0, 10}});
    fixture.image.config.user = "app";
    CHECK(fixture.spec().process.user == UserSpec{1000, 1001, {}, {1001, 29}});
    CHECK(contains(fixture.spec().process.env, "HOME=/home/app"));
    fixture.options.group_add = {"web", "29", "44"};
    CHECK(fixture.spec().process.user.additional_gids == std::vector<std::uint32_t>{1001, 29, 2000, 44});
    fixture.options.group_add = {};
    fixture.options.user = "7:8";
    CHECK(fixture.spec().process.user == UserSpec{7, 8, {}, {8}});
    CHECK(contains(fixture.spec().process.env, "HOME=/"));
    fixture.options.user = "nobody";
    CHECK(fixture.refused() ==
          "user 'nobody' is not in the image's /etc/passwd | give a user that the image has, or a numeric user id");
    fixture.options.user = "app";
    fixture.options.group_add = {"x"};
    CHECK(fixture.refused() ==
          "group 'x' is not in the image's /etc/group | give a group that the image has, or a numeric group id");
}

TEST_CASE("request: capabilities, all five sets exact") {
    Fixture fixture;
    CHECK(fixture.spec().process.capabilities ==
          CapabilitySpec{issue_capabilities, issue_capabilities, {}, issue_capabilities, {}});
    fixture.options.user = "app";
    CHECK(fixture.spec().process.capabilities == CapabilitySpec{issue_capabilities, {}, {}, {}, {}});
    fixture.options.user = "0:1000";
    CHECK(fixture.spec().process.capabilities->effective == issue_capabilities);
}

TEST_CASE("request: --cap-add, --cap-drop, --privileged") {
    constexpr std::uint64_t available = (1u << 0) | (1u << 12) | (1u << 21) | (std::uint64_t{1} << 60);
    const Words all{"CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"};
    const struct {
        Words add, drop;
        bool privileged;
        Words expected;
    } rows[] = {
        {{}, {"ALL"}, false, {}},
        {{"net_admin"}, {"ALL"}, false, {"CAP_NET_ADMIN"}},
        {{"CAP_NET_ADMIN", "NET_ADMIN"}, {"all"}, false, {"CAP_NET_ADMIN"}},
        {{"ALL"}, {}, false, all},
        {{"ALL"}, {"SYS_ADMIN"}, false, {"CAP_CHOWN", "CAP_NET_ADMIN"}},
        {{"ALL"}, {"ALL"}, false, all},
        {{"ALL", "SYS_TIME"}, {}, false, {"CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_TIME"}},
        {{}, {}, true, all},
        {{}, {"CHOWN"}, true, {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}},
        {{"KILL"}, {"ALL", "KILL"}, false, {"CAP_KILL"}},
    };
    for (const auto& row : rows) {
        Fixture fixture;
        fixture.host.capabilities = available;
        fixture.options.cap_add = row.add;
        fixture.options.cap_drop = row.drop;
        fixture.options.privileged = row.privileged;
        CHECK(fixture.spec().process.capabilities->bounding == row.expected);
        CHECK(fixture.spec().process.capabilities->effective == row.expected);
    }
    Fixture fixture;
    fixture.options.cap_add = {"NET_ADMIN"};
    fixture.options.cap_drop = {"CHOWN", "NET_ADMIN"};
    const auto bounding = fixture.spec().process.capabilities->bounding;
    CHECK(contains(bounding, "CAP_NET_ADMIN"));
    CHECK_FALSE(contains(bounding, "CAP_CHOWN"));
    CHECK(bounding.size() == issue_capabilities.size());

    const std::string hint = " | capabilities(7) lists them: NET_ADMIN, SYS_PTRACE, …; or ALL";
    fixture.options.cap_drop = {"ADMIN"};
    CHECK(fixture.refused() == "--cap-drop 'ADMIN': there is no such capability" + hint);
    fixture.options.cap_add = {""};
    CHECK(fixture.refused() == "--cap-add '': there is no such capability" + hint);
}

TEST_CASE("request: the default mounts, in an order in which they can be made") {
    const Fixture fixture;
    CHECK(fixture.mounted() == Words{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"});
    CHECK(fixture.mount_at("/proc") == "proc proc nosuid,noexec,nodev");
    CHECK(fixture.mount_at("/dev") == "tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k");
    CHECK(fixture.mount_at("/dev/pts") == "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
    CHECK(fixture.mount_at("/dev/shm") == "tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864");
    CHECK(fixture.mount_at("/dev/mqueue") == "mqueue mqueue nosuid,noexec,nodev");
    CHECK(fixture.mount_at("/sys") == "sysfs sysfs nosuid,noexec,nodev,ro");
    CHECK(fixture.mount_at("/sys/fs/cgroup") == "cgroup cgroup nosuid,noexec,nodev,relatime,ro");
}

TEST_CASE("request: what changes the default mounts") {
    Fixture fixture;
    fixture.options.shm_size = 1 << 20;
    CHECK(fixture.mount_at("/dev/shm") == "tmpfs shm nosuid,noexec,nodev,mode=1777,size=1048576");
    fixture.options.ipc = NamespaceMode::host;
    CHECK(fixture.mount_at("/dev/shm") == "bind /dev/shm rbind,nosuid,noexec,nodev,rprivate");
    CHECK(fixture.mount_at("/dev/mqueue") == "mqueue mqueue nosuid,noexec,nodev");
    fixture.options.privileged = true;
    CHECK(fixture.mount_at("/sys") == "sysfs sysfs nosuid,noexec,nodev");
    CHECK(fixture.mount_at("/sys/fs/cgroup") == "cgroup cgroup nosuid,noexec,nodev,relatime");
}

TEST_CASE("request: namespaces") {
    Fixture fixture;
    CHECK(fixture.namespaces() == Words{"mount", "pid", "network", "uts", "ipc", "cgroup"});
    fixture.options.network = RunOptions::Network::none;
    fixture.options.time_namespace = true;
    CHECK(fixture.namespaces() == Words{"mount", "pid", "network", "uts", "ipc", "cgroup", "time"});
    fixture.options.time_namespace = false;
    fixture.options.network = RunOptions::Network::host;
    fixture.options.pid = fixture.options.uts = fixture.options.ipc = fixture.options.cgroup = NamespaceMode::host;
    CHECK(fixture.namespaces() == Words{"mount"});
    fixture.options.user_namespace = true;
    CHECK(fixture.namespaces() == Words{"mount", "user"});
    const std::vector<IdMapping> mapping{default_id_mapping(fixture.host.id)};
    CHECK(fixture.spec().linux_.uid_mappings == mapping);
    CHECK(fixture.spec().linux_.gid_mappings == mapping);
    fixture.options.user = "65536";
    CHECK(fixture.refused() == "image 'web': .process.user.uid: 65536 is not in .linux.uidMappings | ");
}

TEST_CASE("request: the ids of a user namespace are in the range that is set aside for containers") {
    CHECK(default_id_mapping("00000000ffff") == IdMapping{0, 524288, 65536});
    CHECK(default_id_mapping("00000001") == IdMapping{0, 524288 + 65536, 65536});
    for (const auto* id : {"ffffffff", "0000ffff", "12345678", "deadbeef", "00006ff7", "00006ff8"}) {
        const auto mapping = default_id_mapping(id);
        CAPTURE(id);
        CHECK(mapping.host_id >= 524288);
        CHECK(std::uint64_t{mapping.host_id} + mapping.size <= 1879048192);
        CHECK(mapping.host_id % 65536 == 0);
    }
}

TEST_CASE("request: host name") {
    Fixture fixture;
    CHECK(fixture.spec().hostname == "0123456789ab");
    fixture.options.network = RunOptions::Network::host;
    CHECK(fixture.spec().hostname == "big");
    fixture.options.hostname = "mine";
    fixture.options.domainname = "test";
    CHECK(fixture.spec().hostname == "mine");
    CHECK(fixture.spec().domainname == "test");
    CHECK(contains(fixture.spec().process.env, "HOSTNAME=mine"));
    fixture.options.uts = NamespaceMode::host;
    CHECK(fixture.refused() == "--hostname 'mine': with --uts host it would change the host's own name | ");
    fixture.options.hostname = "";
    CHECK(fixture.refused() == "--domainname 'test': with --uts host it would change the host's own name | ");
    fixture.options.domainname = "";
    CHECK(fixture.spec().hostname.empty());
    CHECK(contains(fixture.spec().process.env, "HOSTNAME=big"));
}

TEST_CASE("request: masked and read-only paths") {
    Fixture fixture;
    const Words masked{"/proc/acpi",
                       "/proc/asound",
                       "/proc/interrupts",
                       "/proc/kcore",
                       "/proc/keys",
                       "/proc/latency_stats",
                       "/proc/sched_debug",
                       "/proc/scsi",
                       "/proc/timer_list",
                       "/proc/timer_stats",
                       "/sys/devices/virtual/powercap",
                       "/sys/firmware"};
    const Words readonly{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    CHECK(fixture.spec().linux_.masked_paths == masked);
    CHECK(fixture.spec().linux_.readonly_paths == readonly);

    const std::string thermal = "/sys/devices/system/cpu/cpu0/thermal_throttle";
    fixture.host.masked_paths = {thermal};
    auto more = masked;
    more.push_back(thermal);
    CHECK(fixture.spec().linux_.masked_paths == more);
    fixture.options.masked_paths = Words{"/a"};
    fixture.options.readonly_paths = Words{"/b"};
    CHECK(fixture.spec().linux_.masked_paths == Words{"/a", thermal});
    CHECK(fixture.spec().linux_.readonly_paths == Words{"/b"});
    fixture.options.masked_paths = Words{};
    CHECK(fixture.spec().linux_.masked_paths.empty());

    fixture.options.masked_paths.reset();
    fixture.options.readonly_paths.reset();
    fixture.options.privileged = true;
    CHECK(fixture.spec().linux_.masked_paths.empty());
    CHECK(fixture.spec().linux_.readonly_paths.empty());
}

TEST_CASE("request: seccomp and no_new_privs") {
    Fixture fixture;
    CHECK(fixture.spec().linux_.seccomp == "the default profile");
    CHECK(fixture.spec().process.no_new_privileges);
    fixture.options.privileged = true;
    CHECK(fixture.spec().linux_.seccomp == std::nullopt);
    CHECK_FALSE(fixture.spec().process.no_new_privileges);
    fixture.options.no_new_privileges = true;
    CHECK(fixture.spec().process.no_new_privileges);
    fixture.options.seccomp = "my profile";
    CHECK(fixture.spec().linux_.seccomp == "my profile");
    fixture.options.privileged = false;
    fixture.options.seccomp = "unconfined";
    fixture.options.no_new_privileges = false;
    CHECK(fixture.spec().linux_.seccomp == std::nullopt);
    CHECK_FALSE(fixture.spec().process.no_new_privileges);
}

TEST_CASE("request: devices") {
    Fixture fixture;
    const DeviceSpec fuse{"/dev/fuse", 'c', 10, 229, 0666, 0, 0}, kvm{"/dev/kvm", 'c', 10, 232, 0660, 0, 104};
    auto own_kvm = kvm;
    own_kvm.major = 1;
    fixture.host.devices = {fuse, kvm};
    fixture.options.devices = {own_kvm};
    CHECK(fixture.spec().linux_.devices == std::vector{own_kvm});
    fixture.options.privileged = true;
    CHECK(fixture.spec().linux_.devices == std::vector{own_kvm, fuse});
    CHECK(fixture.request().privileged);
}

TEST_CASE("request: sysctls are for the container's own namespaces") {
    Fixture fixture;
    fixture.options.sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "1"}};
    CHECK(fixture.spec().linux_.sysctl == fixture.options.sysctls);
    fixture.options.network = RunOptions::Network::host;
    CHECK(fixture.refused() ==
          "--sysctl 'net.ipv4.ip_forward': the container shares that namespace with the host, "
          "so it would change the host | ");
    fixture.options.sysctls = {{"kernel.panic", "1"}};
    CHECK(fixture.refused() == "--sysctl 'kernel.panic': no namespace has its own, so it would change the host | ");
    fixture.options.sysctls = {{"net..x", "1"}};
    CHECK(fixture.refused() == "--sysctl 'net..x': no name of a sysctl | write net.ipv4.ip_forward=1");
    fixture.options.sysctls = {{"kernel.hostname", "x"}};
    CHECK(fixture.refused() == "--sysctl 'kernel.hostname': use --hostname | ");
}

TEST_CASE("request: the root") {
    Fixture fixture;
    CHECK(fixture.request().root.kind == RootSource::Kind::layers);
    CHECK(fixture.request().root.upper == RootSource::Upper::disk);
    CHECK(fixture.request().root.layers.size() == 2);
    CHECK(fixture.request().root.layers[1].path == "/l/2");
    CHECK_FALSE(fixture.spec().root.readonly);
    fixture.options.tmpfs_upper = true;
    fixture.options.tmpfs_upper_size = 1 << 20;
    CHECK(fixture.request().root.upper == RootSource::Upper::memory);
    CHECK(fixture.request().root.memory_upper_size == 1 << 20);
    fixture.options.read_only = true;
    CHECK(fixture.refused() ==
          "--read-only leaves out the writable layer that --tmpfs-upper is about | give one of them");
    fixture.options.tmpfs_upper = false;
    CHECK(fixture.request().root.upper == RootSource::Upper::none);
    CHECK(fixture.spec().root.readonly);
}

TEST_CASE("request: volumes as mounts") {
    Fixture fixture;
    const auto mounted_as = [&](const VolumeOption& volume) {
        fixture.options.volumes = {volume};
        return fixture.mount_at(volume.destination);
    };
    const auto read_only = [](VolumeOption volume) {
        volume.read_only = true;
        return volume;
    };
    CHECK(mounted_as(bind("/a", "/b")) == "bind /a rbind,rprivate,rnodev");
    CHECK(mounted_as(read_only(bind("/a", "/b"))) == "bind /a rbind,rprivate,rnodev,rro");
    CHECK(mounted_as(read_only(bind("/a", "/b", {"bind"}))) == "bind /a rprivate,nodev,ro,bind");
    CHECK(mounted_as(bind("/a", "/b", {"rslave", "noexec"})) == "bind /a rbind,rnodev,rslave,noexec");
    CHECK(mounted_as(bind("/a", "/b", {"dev"})) == "bind /a rbind,rprivate,dev");
    CHECK(mounted_as(bind("/a", "/b", {"ro"})) == "bind /a rbind,rprivate,rnodev,ro");
    CHECK(mounted_as({Kind::tmpfs, "", "/t", false, {}}) == "tmpfs tmpfs nosuid,nodev,noexec,mode=1777");
    CHECK(mounted_as({Kind::tmpfs, "", "/t", true, {"size=1m", "mode=0700", "exec"}}) ==
          "tmpfs tmpfs nosuid,nodev,noexec,size=1m,mode=0700,exec,ro");
    CHECK(mounted_as({Kind::overlay, "/a", "/o", false, {"noexec"}}) ==
          "overlay overlay lowerdir+=/a,upperdir=/c/0123/volumes/0/upper,workdir=/c/0123/volumes/0/work,"
          "volatile,index=off,metacopy=off,nodev,noexec");

    fixture.options.volumes = {{Kind::overlay, "/a", "/o", false, {}}, {Kind::overlay, "/b", "/p", false, {}}};
    CHECK(fixture.mount_at("/p").find("upperdir=/c/0123/volumes/1/upper,") != std::string::npos);
}

TEST_CASE("request: parents are mounted before what lies in them, and replace defaults") {
    Fixture fixture;
    fixture.options.volumes = {bind("/1", "/a/b/c"), bind("/2", "/a"), bind("/3", "/z"), bind("/4", "/a/b"),
                               bind("/5", "/dev/shm")};
    CHECK(fixture.mounted() == Words{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
                                     "/a", "/z", "/a/b", "/a/b/c"});
    CHECK(fixture.mount_at("/dev/shm") == "bind /5 rbind,rprivate,rnodev");
    CHECK(fixture.asked.empty());
}

TEST_CASE("request: destinations that are refused") {
    Fixture fixture;
    const struct {
        const char *destination, *expected;
    } rows[] = {
        {"/proc", "--volume '/proc': nothing can be mounted over /proc | "},
        {"/proc/sys/net", "--volume '/proc/sys/net': nothing can be mounted over /proc | "},
        {"/a/../proc/1", "--volume '/proc/1': nothing can be mounted over /proc | "},
        {"/dev", "--volume '/dev': /dev is minirun's own: give single devices with --device | "},
        {"/", "--volume '/': a volume cannot cover the container's whole root | "},
        {"b", "--volume 'b': the path in the container has to be absolute | "},
    };
    for (const auto& row : rows) {
        fixture.options.volumes = {bind("/a", row.destination)};
        CHECK(fixture.refused() == row.expected);
    }
    fixture.options.volumes = {bind("/a", "/x"), {Kind::tmpfs, "", "/x/", false, {}}};
    CHECK(fixture.refused() == "--tmpfs '/x': something else is mounted there already | ");
    fixture.options.volumes = {bind("/a", "/proc/cpuinfo"), bind("/a", "/process")};
    CHECK(fixture.refused() == "no error");
}

TEST_CASE("request: the image's volumes and anonymous ones are directories of the writable layer") {
    Fixture fixture;
    fixture.image.config.volumes = {"/data", "/logs/"};
    fixture.options.volumes = {anonymous("/cache"), bind("/mine", "/logs")};
    CHECK(fixture.request().ensure_directories == Words{"/cache", "/data"});
    CHECK(fixture.mount_at("/data") == "none");
    CHECK(fixture.mount_at("/logs") == "bind /mine rbind,rprivate,rnodev");
    CHECK(fixture.asked.empty());

    fixture.image.config.volumes = {"/proc"};
    CHECK(fixture.refused() == "image 'web': volume '/proc': nothing can be mounted over /proc | ");
    CHECK(test::error_kind([&] { fixture.request(); }) == ErrorKind::bad_input);
}

TEST_CASE("request: the same in a read-only container are overlays of what the image has there") {
    Fixture fixture;
    fixture.options.read_only = true;
    fixture.image.config.volumes = {"/data", "/empty"};
    CHECK(fixture.mount_at("/data") ==
          "overlay overlay lowerdir+=/l/2/data,lowerdir+=/l/1/data,upperdir=/c/0123/volumes/0/upper,"
          "workdir=/c/0123/volumes/0/work,volatile,index=off,metacopy=off,nodev");
    CHECK(fixture.mount_at("/empty") == "tmpfs tmpfs nodev,mode=0755");
    CHECK(fixture.request().ensure_directories.empty());
    CHECK(contains(fixture.asked, "/empty"));
    fixture.files.directory_stack = {};
    CHECK(fixture.mount_at("/data") == "tmpfs tmpfs nodev,mode=0755");
}

TEST_CASE("request: an anonymous volume keeps a part of another volume out") {
    Fixture fixture;
    fixture.options.volumes = {anonymous("/app/cache"), bind("/src", "/app"), anonymous("/apple")};
    CHECK(fixture.mount_at("/app/cache") == "tmpfs tmpfs nodev,mode=0755");
    CHECK(fixture.request().ensure_directories == Words{"/apple"});
    CHECK(fixture.asked.front() == "/app/cache");
}

TEST_CASE("request: names, streams, supervision") {
    Fixture fixture;
    auto request = fixture.request();
    CHECK(request.id == fixture.host.id);
    CHECK(request.container_dir == "/c/0123");
    CHECK(request.seccomp_cache == "/cache");
    CHECK(request.supervision.stop_signal == SIGTERM);
    CHECK(request.supervision.stop_timeout == 10s);
    CHECK_FALSE(request.supervision.timeout);
    CHECK_FALSE(request.spec.process.terminal);
    CHECK(request.loopback_up);

    fixture.image.config.stop_signal = "SIGQUIT";
    fixture.options.name = "mine";
    fixture.options.interactive = fixture.options.tty = fixture.options.init = true;
    fixture.options.timeout = 5s;
    fixture.options.stop_timeout = 1s;
    fixture.options.annotations = {{"a", "b"}};
    fixture.options.ulimits = {{"RLIMIT_NOFILE", 1, 2}};
    request = fixture.request();
    CHECK(request.name == "mine");
    CHECK(request.supervision.stop_signal == SIGQUIT);
    CHECK(request.supervision.timeout == 5s);
    CHECK(request.supervision.stop_timeout == 1s);
    CHECK(request.supervision.init);
    CHECK(request.streams.interactive);
    CHECK(request.streams.tty);
    CHECK(request.spec.process.terminal);
    CHECK(request.spec.process.rlimits == fixture.options.ulimits);
    CHECK(request.spec.annotations == fixture.options.annotations);

    fixture.options.stop_signal = "KILL";
    CHECK(fixture.request().supervision.stop_signal == SIGKILL);
    fixture.options.stop_signal = "x";
    CHECK(fixture.refused() ==
          "--stop-signal 'x': there is no such signal | signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …");
    fixture.options.stop_signal = "";
    fixture.image.config.stop_signal = "y";
    CHECK(fixture.refused() == "StopSignal of the image is unknown: 'y' | give another one with --stop-signal");
}

TEST_CASE("request: remarks") {
    Fixture fixture;
    CHECK(fixture.request().notices.empty());
    fixture.image.config.exposed_ports = {"443/tcp", "80/tcp"};
    CHECK(fixture.request().notices == Words{"the image exposes 443/tcp, 80/tcp, but the container has no network "
                                             "(--network host gives it the host's)"});
    fixture.options.network = RunOptions::Network::none;
    CHECK(fixture.request().notices.empty());
    fixture.options.privileged = true;
    CHECK(fixture.request().notices ==
          Words{"--privileged takes the sandbox away: root in the container is root on this host"});
}

TEST_CASE("request: what the checks of a spec find is told") {
    Fixture fixture;
    fixture.options.ulimits = {{"RLIMIT_NOFILE", 2, 1}, {"RLIMIT_FOO", 1, 1}};
    CHECK(fixture.refused() ==
          "image 'web': .process.rlimits[0]: the soft limit 2 of RLIMIT_NOFILE is over the hard limit 1; "
          ".process.rlimits[1].type: unknown limit 'RLIMIT_FOO' | ");
}
