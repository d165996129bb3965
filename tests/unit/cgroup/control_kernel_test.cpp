// A cgroup of the running kernel's, from making to removing.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/device_rules.hpp"
#include "cgroup/usage.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec_resources.hpp"
#include "support.hpp"

using namespace minirun;

namespace {

// A place of the test's own; gone at the end of the scope.
class OwnPlace {
public:
    OwnPlace() : layout(probe_cgroups()), place(cgroup_place(layout, cat("/minirun-unit-test-", ::getpid()))) {
        for (const auto& one : place.directories) made = made && make_cgroup(one.mount, one.path, one.v2).ok();
        made = made && !place.directories.empty();
    }
    ~OwnPlace() { remove_cgroup(place); }
    OwnPlace(const OwnPlace&) = delete;
    OwnPlace& operator=(const OwnPlace&) = delete;

    CgroupLayout layout;
    CgroupPlace place;
    bool made = true;
};

pid_t start_sleeper() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::alarm(60);
        for (;;) ::pause();
    }
    return pid;
}

void set(OwnPlace& own, std::string_view resources) {
    apply_settings(
        own.place,
        cgroup_settings(parse_resources(resources, "test"), own.layout, "", "", current_limits(own.place)).list);
}

}  // namespace

TEST_CASE("cgroup in the kernel: entered, frozen, thawed, ended, removed") {
    OwnPlace own;
    if (!own.made) return test::skip("this host lets this user make no cgroups");
    CHECK(cgroup_processes(own.place).empty());
    refuse_occupied(own.place);
    const auto pid = start_sleeper();
    add_process(own.place, pid);
    CHECK(cgroup_processes(own.place) == std::vector<pid_t>{pid});
    CHECK_THROWS_AS(refuse_occupied(own.place), Error);
    CHECK(make_cgroup(own.place.directories[0].mount, own.place.directories[0].path, own.place.directories[0].v2)
              .error() == EEXIST);
    CHECK_FALSE(is_frozen(own.place));
    freeze_cgroup(own.place);
    CHECK(is_frozen(own.place));
    thaw_cgroup(own.place);
    CHECK_FALSE(is_frozen(own.place));
    CHECK(cgroup_statistics(own.place)["memory"]["usage"]["usage"].is_number());
    // Frozen, so that killing has to do something about it.
    freeze_cgroup(own.place);
    CHECK(kill_cgroup(own.place, SIGKILL));
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WTERMSIG(status) == SIGKILL);
    CHECK(remove_cgroup(own.place));
    for (const auto& one : own.place.directories) CHECK(::access(one.path.c_str(), F_OK) < 0);
    CHECK(remove_cgroup(own.place));
}

TEST_CASE("cgroup in the kernel: limits are raised, lowered and said again while it is in use") {
    OwnPlace own;
    if (!own.made) return test::skip("this host lets this user make no cgroups");
    if (own.place.find("memory") == nullptr || own.place.find("pids") == nullptr)
        return test::skip("this host has no controllers memory and pids");
    const auto pid = start_sleeper();
    add_process(own.place, pid);
    for (const auto* limits : {R"({"memory": {"limit": 67108864, "swap": 134217728}, "pids": {"limit": 5}})",
                               R"({"memory": {"limit": 67108864, "swap": 134217728}})",
                               R"({"memory": {"limit": 268435456, "swap": 268435456}})",
                               R"({"memory": {"limit": 33554432, "swap": 33554432}, "cpu": {"shares": 512}})",
                               R"({"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}})"}) {
        CAPTURE(limits);
        CHECK_NOTHROW(set(own, limits));
    }
    set(own, R"({"memory": {"limit": 33554432, "swap": 67108864}})");
    CHECK(current_limits(own.place).memory == 33554432);
    CHECK(current_limits(own.place).memory_swap == (own.place.unified() ? 33554432 : 67108864));
    CHECK(remove_cgroup(own.place));
    int status = 0;
    CHECK(::waitpid(pid, &status, 0) == pid);
}

TEST_CASE("cgroup in the kernel: device rules, and others in their place") {
    OwnPlace own;
    if (!own.made) return test::skip("this host lets this user make no cgroups");
    if (!own.place.unified() && own.place.find("devices") == nullptr)
        return test::skip("this host has no controller devices");
    if (::access("/dev/kmsg", R_OK) < 0) return test::skip("there is no /dev/kmsg, which a rule could deny");
    const auto rules = with_default_devices({DeviceRule{}, {true, 'c', 10, 200, "rw"}});
    apply_device_rules(own.place, rules, "rules");
    apply_device_rules(own.place, rules, "rules");
    const auto pid = ::fork();
    if (pid == 0) {
        ::alarm(60);
        add_process(own.place, ::getpid());
        const bool null = ::open("/dev/null", O_RDWR) >= 0;
        const bool kmsg = ::open("/dev/kmsg", O_RDONLY) >= 0;
        ::_exit(!null ? 1 : kmsg ? 2 : errno != EPERM ? 3 : 0);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WEXITSTATUS(status) == 0);
}
