#include <doctest/doctest.h>

#include "model/request_from_image.hpp"
#include "support.hpp"

using namespace minirun;
using Words = std::vector<std::string>;

namespace {

struct Fixture {
    Image image;
    RunOptions options;
    HostFacts host;
    ImageFiles files;

    Fixture() {
        image.name = "bundle";
        image.directory = "/bundles/b";
        image.config_file = "/bundles/b/config.json";
        image.form = Image::Form::runtime_bundle;
        image.layers = {{"rootfs", "/bundles/b/rootfs"}};
        image.runtime_spec.emplace();
        auto& spec = *image.runtime_spec;
        spec.root.path = "rootfs";
        spec.process.args = {"/bin/server", "-d"};
        spec.process.env = {"PATH=/bin", "A=1"};
        spec.process.cwd = "/srv";
        spec.hostname = "inside";
        spec.annotations = {{"a", "1"}, {"b", "2"}};
        spec.linux_.namespaces = {{NamespaceType::mount, ""}, {NamespaceType::uts, ""}};
        spec.mounts = {{"/proc", "proc", "proc", {}}};
        host.id = std::string(64, 'a');
        host.container_dir = "/c/a";
        host.default_seccomp_profile = "default";
    }
    LaunchRequest request() const { return request_from_runtime_spec(image, options, files, host); }
    std::string refused() const {
        return test::error_text([&] { request(); });
    }
};

}  // namespace

TEST_CASE("runtime bundle: its spec as it is") {
    const Fixture fixture;
    const auto request = fixture.request();
    auto expected = *fixture.image.runtime_spec;
    expected.root.path = "/bundles/b/rootfs";
    expected.process.env.emplace_back("HOME=/");
    CHECK(request.spec == expected);
    CHECK(request.root.kind == RootSource::Kind::directory);
    CHECK(request.id == fixture.host.id);
    CHECK(request.container_dir == "/c/a");
    CHECK(request.etc_files.empty());
    CHECK(request.ensure_directories.empty());
    CHECK_FALSE(request.streams.tty);
}

TEST_CASE("runtime bundle: what its config.json opens to the host is told") {
    Fixture fixture;
    auto& spec = *fixture.image.runtime_spec;
    const auto notice = [&] {
        const auto notices = fixture.request().notices;
        const std::string start = "the bundle's config.json opens the container to the host: ";
        if (notices.empty()) return std::string();
        CHECK(notices.size() == 1);
        CHECK(notices[0].starts_with(start));
        return notices[0].substr(start.size());
    };
    CHECK(notice() == "no new namespace for pid, network, ipc; no noNewPrivileges, no maskedPaths");
    using enum NamespaceType;
    for (const auto type : {pid, network, ipc}) spec.linux_.namespaces.push_back({type, ""});
    spec.process.capabilities.emplace();
    spec.process.capabilities->bounding = {"CAP_CHOWN", "CAP_NET_RAW"};
    spec.process.no_new_privileges = true;
    spec.linux_.masked_paths = {"/proc/kcore"};
    CHECK(notice().empty());

    spec.linux_.devices = {{"/dev/fuse", 'c', 10, 229, 0666, 0, 0}};
    CHECK(notice() == "the devices '/dev/fuse'");
    spec.linux_.devices.clear();
    fixture.image.layers[0].path = "/";
    CHECK(notice() == "the root is the host's '/'");
    fixture.image.layers[0].path = "/bundles/b2/rootfs";
    CHECK(notice() == "the root is the host's '/bundles/b2/rootfs'");
    fixture.image.layers[0].path = "/bundles/b/rootfs";
    spec.mounts.push_back({"/disk", "ext4", "/dev/vda", {}});
    CHECK(notice() == "mounts of the host's '/dev/vda' (ext4)");

    spec.mounts.back() = {"/host", "bind", "/", {}};
    for (const char* source : {"/a", "/b", "/c\n", "/d"})
        spec.mounts.push_back({"/x", "none", source, {"rbind", "ro"}});
    spec.process.capabilities->bounding = {"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF"};
    spec.linux_.namespaces.back().path = "/proc/1/ns/ipc";
    CHECK(notice() ==
          "no new namespace for ipc; mounts of the host's '/', '/a', '/b', '/c\\n' and 1 more; capabilities "
          "SYS_ADMIN BPF");
}

TEST_CASE("runtime bundle: HOME is the user's, unless the environment has one") {
    Fixture fixture;
    fixture.files.passwd = "ada:x:7:7::/home/ada:/bin/sh\n";
    fixture.image.runtime_spec->process.user.uid = 7;
    CHECK(fixture.request().spec.process.env.back() == "HOME=/home/ada");
    fixture.options.env = {"HOME=/elsewhere"};
    CHECK(fixture.request().spec.process.env.back() == "HOME=/elsewhere");
}

TEST_CASE("runtime bundle: what options replace") {
    Fixture fixture;
    fixture.options.arguments = {"ls", "-l"};
    CHECK(fixture.request().spec.process.args == Words{"ls", "-l"});
    fixture.options.entrypoint = Words{"/bin/sh"};
    CHECK(fixture.request().spec.process.args == Words{"/bin/sh", "ls", "-l"});
    fixture.options.env = {"A=2", "B=3", "PATH"};
    CHECK(fixture.request().spec.process.env == Words{"A=2", "B=3", "HOME=/"});
    CHECK(fixture.request().spec.process.cwd == "/srv");
    fixture.options.working_dir = "/tmp";
    CHECK(fixture.request().spec.process.cwd == "/tmp");
    fixture.options.hostname = "other";
    CHECK(fixture.request().spec.hostname == "other");
    fixture.options.annotations = {{"b", "3"}, {"c", "4"}};
    CHECK(fixture.request().spec.annotations == std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}, {"c", "4"}});
    fixture.options.tty = true;
    CHECK(fixture.request().spec.process.terminal);
    CHECK(fixture.request().streams.tty);
    fixture.options.stop_signal = "INT";
    CHECK(fixture.request().supervision.stop_signal == SIGINT);
    fixture.options.read_only = true;
    CHECK(fixture.request().spec.root.readonly);
    fixture.options.read_only = false;
    fixture.options.tmpfs_upper = true;
    CHECK(fixture.request().root.kind == RootSource::Kind::layers);
    CHECK(fixture.request().root.upper == RootSource::Upper::memory);
    CHECK(fixture.request().root.layers[0].path == "/bundles/b/rootfs");
    fixture.options.read_only = true;
    CHECK(fixture.refused() ==
          "--read-only leaves out the writable layer that --tmpfs-upper is about | give one of them");
}

TEST_CASE("runtime bundle: a terminal that the spec asks for, an absolute root") {
    Fixture fixture;
    fixture.image.runtime_spec->process.terminal = true;
    fixture.image.runtime_spec->root.path = "/srv/root";
    CHECK(fixture.request().streams.tty);
    CHECK(fixture.request().spec.root.path == "/srv/root");
}

TEST_CASE("runtime bundle: options about what its config.json has decided") {
    using Change = void (*)(RunOptions&);
    const struct {
        Change change;
        std::string name, key;
    } rows[] = {
        {[](RunOptions& o) { o.user = "1"; }, "--user", ".process.user"},
        {[](RunOptions& o) { o.group_add = {"1"}; }, "--group-add", ".process.user"},
        {[](RunOptions& o) { o.volumes = {{}}; }, "--volume", ".mounts"},
        {[](RunOptions& o) { o.devices = {{}}; }, "--device", ".linux.devices"},
        {[](RunOptions& o) { o.shm_size = 1; }, "--shm-size", ".mounts"},
        {[](RunOptions& o) { o.network = RunOptions::Network::none; }, "--network", ".linux.namespaces"},
        {[](RunOptions& o) { o.pid = NamespaceMode::host; }, "--pid", ".linux.namespaces"},
        {[](RunOptions& o) { o.ipc = NamespaceMode::host; }, "--ipc", ".linux.namespaces"},
        {[](RunOptions& o) { o.uts = NamespaceMode::host; }, "--uts", ".linux.namespaces"},
        {[](RunOptions& o) { o.cgroup = NamespaceMode::host; }, "--cgroupns", ".linux.namespaces"},
        {[](RunOptions& o) { o.user_namespace = true; }, "--userns", ".linux.namespaces"},
        {[](RunOptions& o) { o.time_namespace = true; }, "--time", ".linux.namespaces"},
        {[](RunOptions& o) { o.cap_add = {"ALL"}; }, "--cap-add", ".process.capabilities"},
        {[](RunOptions& o) { o.cap_drop = {"ALL"}; }, "--cap-drop", ".process.capabilities"},
        {[](RunOptions& o) { o.privileged = true; }, "--privileged", ".process.capabilities"},
        {[](RunOptions& o) { o.no_new_privileges = false; }, "--security-opt no-new-privileges",
         ".process.noNewPrivileges"},
        {[](RunOptions& o) { o.seccomp = "unconfined"; }, "--security-opt seccomp", ".linux.seccomp"},
        {[](RunOptions& o) { o.masked_paths = Words{}; }, "--security-opt mask and unmask", ".linux.maskedPaths"},
        {[](RunOptions& o) { o.readonly_paths = Words{}; }, "--security-opt mask and unmask", ".linux.readonlyPaths"},
        {[](RunOptions& o) { o.ulimits = {{}}; }, "--ulimit", ".process.rlimits"},
        {[](RunOptions& o) {
             o.sysctls = {{"a", "b"}};
         },
         "--sysctl", ".linux.sysctl"},
        {[](RunOptions& o) { o.add_hosts = {"a:1.1.1.1"}; }, "--add-host", ".mounts"},
        {[](RunOptions& o) { o.dns = {"1.1.1.1"}; }, "--dns", ".mounts"},
        {[](RunOptions& o) { o.dns_search = {"a"}; }, "--dns", ".mounts"},
        {[](RunOptions& o) { o.dns_options = {"a"}; }, "--dns", ".mounts"},
    };
    for (const auto& row : rows) {
        Fixture fixture;
        row.change(fixture.options);
        CHECK(fixture.refused() == row.name +
                                       " does not apply to a runtime bundle, whose config.json decides that | change " +
                                       row.key + " in '/bundles/b/config.json'");
        CHECK(test::error_kind([&] { fixture.request(); }) == ErrorKind::usage);
    }
}

TEST_CASE("runtime bundle: it is checked again with the options in it") {
    Fixture fixture;
    fixture.image.runtime_spec->linux_.namespaces = {{NamespaceType::mount, ""}};
    fixture.image.runtime_spec->hostname = "";
    fixture.options.hostname = "other";
    CHECK(fixture.refused() ==
          "/bundles/b/config.json: .hostname: needs a uts namespace: without one it would change "
          "the host's name | ");
    fixture.options.hostname = "";
    fixture.options.working_dir = "x";
    CHECK(fixture.refused() == "--workdir 'x': the path in the container has to be absolute | ");
}
