// An image and options -> LaunchRequest: what the process is allowed, and what is kept from it.
#include <doctest/doctest.h>

#include <algorithm>

#include "model/defaults.hpp"
#include "model/request_fixture.hpp"

using namespace minirun;
using test::contains;
using test::Words;
using Fixture = test::RequestFixture;

namespace {

const Words issue_capabilities{
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",           "CAP_FSETID",     "CAP_KILL",   "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP"};

}  // namespace

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
