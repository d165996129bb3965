// An image and options -> LaunchRequest: the root, the mounts, volumes.
#include <doctest/doctest.h>

#include "model/request_fixture.hpp"

using namespace minirun;
using test::contains;
using test::Words;
using Fixture = test::RequestFixture;
using Kind = VolumeOption::Kind;

namespace {

VolumeOption bind(std::string source, std::string destination, Words words = {}) {
    return {Kind::bind, std::move(source), std::move(destination), false, std::move(words)};
}
VolumeOption anonymous(std::string destination) { return {Kind::anonymous, "", std::move(destination), false, {}}; }

}  // namespace

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
