#include "runtime/explain.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <optional>

#include "base/file.hpp"
#include "base/text.hpp"
#include "model/defaults.hpp"
#include "plan/describe.hpp"
#include "security/bpf.hpp"
#include "security/default_seccomp.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;
using What = PathFacts::Event::What;
using Type = PathFacts::Type;
using Mode = IsolationFacts::NamespaceFacts::Mode;

namespace {

// A bundle of two layers of its own over one that lies elsewhere. Whiteouts are made in the form that needs no rights.
class Bundle {
public:
    Bundle() {
        ::setenv("MINIRUN_ROOT", (dir_ / "root").c_str(), 1);
        file("shared/base/etc/passwd", "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n");
        file("shared/base/etc/group", "root:x:0:\nada:x:1000:\nstaff:x:50:ada\n");
        file("shared/base/usr/lib/os-release", "NAME=Test\nPRETTY_NAME=\"Test Linux 1\"\n");
        file("shared/base/etc/conf", "old");
        file("shared/base/var/lib/list", "old");
        program("shared/base/usr/bin/shell",
                "\x7f"
                "no ELF file");
        dir_.link("shared/base/bin", "usr/bin");
        dir_.link("shared/base/usr/bin/sh", "shell");
        file("bundle/layers/02-app/etc/conf", "newer");
        file("bundle/layers/02-app/var/lib/list", "newer");
        file("bundle/layers/02-app/srv/page", "12345678");
        program("bundle/layers/02-app/usr/bin/app", "#!/bin/sh -e\n");
        file("bundle/layers/03-site/srv/other", "x");
        image.name = "test";
        image.directory = dir_ / "bundle";
        image.layers = {{"01-base", dir_ / "shared/base"},
                        {"02-app", dir_ / "bundle/layers/02-app"},
                        {"03-site", dir_ / "bundle/layers/03-site"}};
        image.config.cmd = {"app", "-v"};
    }
    ~Bundle() { ::unsetenv("MINIRUN_ROOT"); }
    Bundle(const Bundle&) = delete;
    Bundle& operator=(const Bundle&) = delete;

    void file(std::string_view name, std::string_view text) const { dir_.file(name, text); }
    void program(std::string_view name, std::string_view text) const {
        REQUIRE(chmod(dir_.file(name, text).c_str(), 0755) == 0);
    }
    /// False where this file system has no attributes for users.
    bool whiteout(const std::string& name) const {
        file(name, "");
        return dir_.attribute(name, "user.overlay.whiteout", "");
    }
    bool opaque(const std::string& name) const {
        dir_.directory(name);
        return dir_.attribute(name, "user.overlay.opaque", "y");
    }
    std::string operator/(std::string_view name) const { return dir_ / name; }
    Explanation explain(const Texts& paths = {}) const { return minirun::explain(image, options, paths); }
    PathFacts path(const std::string& path) const { return explain({path}).paths.at(0); }

    Image image;
    RunOptions options;

private:
    TemporaryDirectory dir_;
};

Texts layers_of(const PathFacts& path) {
    Texts names;
    for (const auto& event : path.history) names.push_back(event.layer);
    return names;
}

const IsolationFacts::NamespaceFacts& namespace_of(const Explanation& explanation, std::string_view name) {
    const auto& all = explanation.isolation.namespaces;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    REQUIRE(found != all.end());
    return *found;
}

bool contains(const Texts& texts, std::string_view text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

TEST_CASE("explain: the boot image is what the boot loader said, or the usual file") {
    const TemporaryDirectory boot;
    CHECK(boot_image("BOOT_IMAGE=/vmlinuz-6.1 root=/dev/sda1 quiet", "6.1", boot.path()) == "/vmlinuz-6.1");
    CHECK(boot_image("quiet BOOT_IMAGE=(hd0,gpt2)/vmlinuz", "6.1", boot.path()) == "(hd0,gpt2)/vmlinuz");
    CHECK(boot_image("quiet NO_BOOT_IMAGE=/x", "6.1", boot.path()).empty());
    boot.file("vmlinuz-6.1");
    CHECK(boot_image("quiet", "6.1", boot.path()) == boot / "vmlinuz-6.1");
    CHECK(boot_image("quiet", "6.2", boot.path()).empty());
}

TEST_CASE("explain: PRETTY_NAME as os-release(5) quotes it") {
    CHECK(pretty_name("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n") == "Debian GNU/Linux 12");
    CHECK(pretty_name("PRETTY_NAME=Alpine") == "Alpine");
    CHECK(pretty_name("PRETTY_NAME='a \"b\" \\c'") == "a \"b\" \\c");
    CHECK(pretty_name("PRETTY_NAME=\"a \\\"b\\\" \\$c 'd'\"") == "a \"b\" $c 'd'");
    CHECK(pretty_name("PRETTY_NAME=first\nPRETTY_NAME=second") == "second");
    CHECK(pretty_name("#PRETTY_NAME=x\nNAME=y\n").empty());
}

TEST_CASE("explain: the example that is shown is of a high layer, no package list, and short") {
    Examples examples;
    const auto see = [&](const std::string& path, std::size_t layer) {
        examples.see(path, LayerEvent::What::replaces, layer);
        return examples.replaced();
    };
    CHECK(examples.replaced().empty());
    CHECK(see("/var/lib/dpkg/status", 3) == "/var/lib/dpkg/status");
    CHECK(see("/etc/ssl/certs/b", 1) == "/etc/ssl/certs/b");
    CHECK(see("/etc/ssl/certs/a", 1) == "/etc/ssl/certs/a");
    CHECK(see("/etc/z", 1) == "/etc/z");
    CHECK(see("/usr/share/doc/x/y", 2) == "/usr/share/doc/x/y");
    CHECK(see("/etc/z", 0) == "/usr/share/doc/x/y");
    CHECK(examples.deleted().empty());
    examples.see("/a", LayerEvent::What::deletes, 0);
    CHECK(examples.deleted() == "/a");
}

TEST_CASE("explain: the layers, counted") {
    const Bundle bundle;
    const auto rootfs = bundle.explain().rootfs;
    REQUIRE(rootfs.layers.size() == 3);
    CHECK(rootfs.layers[0].name == "01-base");
    CHECK(rootfs.layers[0].shared);
    CHECK(rootfs.layers[0].path == bundle / "shared/base");
    CHECK_FALSE(rootfs.layers[1].shared);
    CHECK(rootfs.layers[1].added == 2);
    CHECK(rootfs.layers[1].changed == 2);
    CHECK(rootfs.layers[1].bytes == 5 + 5 + 8 + 13);
    CHECK(rootfs.layers[2].added == 1);
    CHECK(rootfs.layers[2].problem.empty());
    CHECK(rootfs.bytes == rootfs.layers[0].bytes + rootfs.layers[1].bytes + 1);
    CHECK(rootfs.operating_system == "Test Linux 1");
    CHECK(rootfs.upper == RootfsFacts::Upper::disk);
    CHECK_FALSE(rootfs.read_only);
    CHECK(rootfs.provided_files == Texts{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"});
    REQUIRE(!rootfs.mounts.empty());
    CHECK(rootfs.mounts[0].destination == "/proc");
}

TEST_CASE("explain: deletions are counted and shown as an example") {
    const Bundle bundle;
    bundle.file("shared/base/var/lib/gone", "old");
    if (!bundle.whiteout("bundle/layers/03-site/var/lib/gone")) return skip("no user attributes on this file system");
    REQUIRE(bundle.whiteout("bundle/layers/03-site/usr/lib/os-release"));
    REQUIRE(bundle.whiteout("bundle/layers/03-site/never/was"));
    REQUIRE(bundle.opaque("bundle/layers/03-site/srv"));
    const auto explanation = bundle.explain();
    const auto& site = explanation.rootfs.layers[2];
    CHECK(site.deleted == 2);
    CHECK(site.whiteouts == 3);
    CHECK(site.opaque_directories == 1);
    CHECK(explanation.rootfs.operating_system.empty());

    REQUIRE(explanation.paths.size() == 3);
    for (const auto& path : explanation.paths) CHECK(path.example);
    CHECK(explanation.paths[0].asked == "/etc/conf");
    CHECK(explanation.paths[1].asked == "/usr/lib/os-release");  // rather than a place below /var
    CHECK(explanation.paths[2].asked == "/usr");                 // in all three layers
}

TEST_CASE("explain: without --path, up to three places that show something") {
    const Bundle bundle;
    const auto paths = bundle.explain().paths;
    REQUIRE(paths.size() == 2);
    CHECK(paths[0].asked == "/etc/conf");
    CHECK(paths[0].example);
    CHECK(paths[1].asked == "/etc");  // the first of several in two layers
    CHECK(bundle.explain({"/etc/conf"}).paths.size() == 1);
}

TEST_CASE("explain: a path of one layer hides that of another") {
    const Bundle bundle;
    const auto path = bundle.path("/etc/conf");
    CHECK(path.type == Type::file);
    CHECK(path.layer == "02-app");
    CHECK(path.bytes == 5);
    CHECK_FALSE(path.example);
    REQUIRE(layers_of(path) == Texts{"02-app", "01-base"});
    CHECK(path.history[0].what == What::replaces);
    CHECK(path.history[0].visible);
    CHECK(path.history[1].what == What::adds);
    CHECK_FALSE(path.history[1].visible);
    CHECK(path.covered_by.empty());
}

TEST_CASE("explain: a place is shown once, whatever it shows") {
    const Bundle bundle;
    if (!bundle.whiteout("bundle/layers/03-site/etc/conf")) return skip("no user attributes on this file system");
    const auto paths = bundle.explain().paths;
    REQUIRE(paths.size() == 2);
    CHECK(paths[0].asked == "/etc/conf");
    CHECK(paths[1].asked == "/etc");
}

TEST_CASE("explain: deleted and hidden paths say by whom") {
    const Bundle bundle;
    if (!bundle.whiteout("bundle/layers/03-site/etc/conf")) return skip("no user attributes on this file system");
    REQUIRE(bundle.opaque("bundle/layers/03-site/srv"));
    const auto deleted = bundle.path("/etc/conf");
    CHECK(deleted.type == Type::none);
    CHECK(deleted.layer.empty());
    REQUIRE(layers_of(deleted) == Texts{"03-site", "02-app", "01-base"});
    CHECK(deleted.history[0].what == What::deletes);
    const auto hidden = bundle.path("/srv/page");
    CHECK(hidden.type == Type::none);
    REQUIRE(layers_of(hidden) == Texts{"03-site", "02-app"});
    CHECK(hidden.history[0].what == What::opaque);
    CHECK(hidden.history[0].at == "/srv");
}

TEST_CASE("explain: links, directories, and what is nowhere") {
    const Bundle bundle;
    const auto link = bundle.path("/bin/sh");
    CHECK(link.asked == "/bin/sh");
    CHECK(link.path == "/usr/bin/sh");
    CHECK(link.type == Type::symlink);
    CHECK(link.leads_to == "/usr/bin/shell");
    CHECK(link.leads_to_layer == "01-base");
    const auto directory = bundle.path("/usr/bin/");
    CHECK(directory.type == Type::directory);
    CHECK(layers_of(directory) == Texts{"02-app", "01-base"});
    const auto missing = bundle.path("/no/such/../file");
    CHECK(missing.type == Type::none);
    CHECK(missing.history.empty());
    CHECK(missing.problem.empty());
}

TEST_CASE("explain: what is mounted over a path is told") {
    Bundle bundle;
    bundle.options.volumes.push_back({VolumeOption::Kind::bind, bundle / "shared", "/srv", true, {}});
    CHECK(bundle.path("/proc/version").covered_by == "/proc");
    CHECK(bundle.path("/dev/pts/0").covered_by == "/dev/pts");
    CHECK(bundle.path("/etc/hosts").covered_by == "/etc/hosts");
    CHECK(bundle.path("/etc/conf").covered_by.empty());
    CHECK(bundle.path("/procs").covered_by.empty());
    const auto page = bundle.path("/srv/page");
    CHECK(page.covered_by == "/srv");
    CHECK(page.layer == "02-app");
    const auto mounts = bundle.explain().rootfs.mounts;
    CHECK(mounts.back().type == "bind");
    CHECK(mounts.back().source == bundle / "shared");
    CHECK(mounts.back().read_only);
}

TEST_CASE("explain: the program, its interpreter, and their layers") {
    const Bundle bundle;
    const auto process = bundle.explain().process;
    CHECK(process.argv == Texts{"app", "-v"});
    REQUIRE(process.programs.size() == 2);
    CHECK(process.programs[0].path == "/usr/bin/app");
    CHECK(process.programs[0].layer == "02-app");
    CHECK(process.programs[0].executable);
    CHECK(process.programs[1].path == "/bin/sh");
    CHECK(process.programs[1].named_by == "its #! line");
    CHECK(process.programs[1].resolved == "/usr/bin/shell");
    CHECK(process.programs[1].layer == "01-base");
    CHECK(process.problem.empty());
}

TEST_CASE("explain: interpreters that name each other end") {
    const Bundle bundle;
    bundle.program("bundle/layers/02-app/usr/bin/app", "#!/usr/bin/app\n");
    CHECK(bundle.explain().process.programs.size() == 6);
}

TEST_CASE("explain: a missing interpreter and a missing command are facts") {
    Bundle bundle;
    bundle.program("bundle/layers/02-app/usr/bin/app", "#!/opt/none\n");
    const auto process = bundle.explain().process;
    REQUIRE(process.programs.size() == 2);
    CHECK(process.programs[1].path == "/opt/none");
    CHECK(process.programs[1].resolved.empty());

    bundle.options.arguments = {"nothere"};
    bundle.options.env = {"PATH=/bin:/opt"};
    const auto missing = bundle.explain().process;
    CHECK(missing.programs.empty());
    CHECK(missing.searched == Texts{"/bin/nothere", "/opt/nothere"});
}

TEST_CASE("explain: a file that is not executable is passed over, as execve(2) does") {
    Bundle bundle;
    bundle.file("bundle/layers/02-app/opt/app", "data");
    bundle.options.env = {"PATH=/opt:/usr/bin"};
    CHECK(bundle.explain().process.programs.at(0).path == "/usr/bin/app");
    bundle.options.env = {"PATH=/opt"};
    const auto programs = bundle.explain().process.programs;
    REQUIRE(programs.size() == 1);
    CHECK(programs[0].path == "/opt/app");
    CHECK_FALSE(programs[0].executable);
}

TEST_CASE("explain: a command in a volume") {
    Bundle bundle;
    bundle.options.volumes.push_back({VolumeOption::Kind::bind, bundle / "shared/base/usr/bin", "/opt", false, {}});
    bundle.options.env = {"PATH=/opt:/usr/bin"};
    CHECK(bundle.explain().process.programs.at(0).path == "/usr/bin/app");  // the volume has no app
    bundle.options.arguments = {"shell"};
    const auto programs = bundle.explain().process.programs;
    REQUIRE(programs.size() == 1);
    CHECK(programs[0].path == "/opt/shell");
    CHECK(programs[0].covered_by == "/opt");
    CHECK(programs[0].layer.empty());
}

TEST_CASE("explain: who it runs as, by the image's own names") {
    Bundle bundle;
    const auto root = bundle.explain().process;
    CHECK(root.user_name == "root");
    CHECK(root.hostname_is_id);
    bundle.options.user = "ada";
    bundle.options.hostname = "box";
    bundle.options.init = true;
    const auto ada = bundle.explain().process;
    CHECK(ada.uid == 1000);
    CHECK(ada.user_name == "ada");
    CHECK(ada.group.name == "ada");
    REQUIRE(ada.supplementary_groups.size() == 2);
    CHECK(ada.supplementary_groups[1].name == "staff");
    CHECK(ada.hostname == "box");
    CHECK_FALSE(ada.hostname_is_id);
    CHECK(ada.init);
    CHECK(ada.stop_signal == "SIGTERM");
    bundle.options.user = "77:88";
    const auto nobody = bundle.explain().process;
    CHECK(nobody.user_name.empty());
    CHECK(nobody.group.gid == 88);
    CHECK(nobody.group.name.empty());
}

TEST_CASE("explain: isolation is that of the plan") {
    const Bundle bundle;
    const auto explanation = bundle.explain();
    const auto& isolation = explanation.isolation;
    REQUIRE(isolation.namespaces.size() == 8);
    for (const auto* name : {"mount", "pid", "network", "uts", "ipc", "cgroup"})
        CHECK(namespace_of(explanation, name).mode == Mode::own);
    for (const auto* name : {"user", "time"}) CHECK(namespace_of(explanation, name).mode == Mode::host);
    CHECK(isolation.network == IsolationFacts::Network::none);

    auto kept = isolation.capabilities_kept;
    auto expected = default_capabilities();
    std::sort(kept.begin(), kept.end());
    std::sort(expected.begin(), expected.end());
    CHECK(kept == expected);
    CHECK(isolation.capabilities_effective == isolation.capabilities_kept);
    CHECK(contains(isolation.capabilities_dropped, "CAP_SYS_ADMIN"));
    CHECK_FALSE(contains(isolation.capabilities_dropped, "CAP_CHOWN"));

    CHECK(isolation.no_new_privileges);
    CHECK(isolation.seccomp);
    CHECK(isolation.syscalls_denied == denied_syscalls(default_seccomp_filter()));
    CHECK(contains(isolation.syscalls_denied, "reboot"));
    CHECK(contains(isolation.syscalls_conditional, "clone"));
    for (const auto& path : default_masked_paths()) CHECK(contains(isolation.masked_paths, path));
    CHECK(isolation.readonly_paths == default_readonly_paths());
    CHECK(contains(isolation.devices, "/dev/null"));
    CHECK(isolation.limits.empty());
    CHECK_FALSE(isolation.timeout);
    CHECK_FALSE(isolation.privileged);
}

TEST_CASE("explain: options change the isolation that is told") {
    Bundle bundle;
    auto& options = bundle.options;
    options.network = RunOptions::Network::host;
    options.pid = NamespaceMode::host;
    options.time_namespace = true;
    options.cap_drop = {"ALL"};
    options.cap_add = {"NET_RAW"};
    options.user = "1000";
    options.no_new_privileges = false;
    options.seccomp = "unconfined";
    options.ulimits = {{"RLIMIT_NOFILE", 100, 200}};
    options.sysctls = {{"kernel.shmmax", "1"}};
    options.masked_paths = {"/proc/kcore"};
    options.timeout = 1500ms;
    options.read_only = true;
    const auto explanation = bundle.explain();
    const auto& isolation = explanation.isolation;
    CHECK(namespace_of(explanation, "network").mode == Mode::host);
    CHECK(namespace_of(explanation, "network").why == "The host's: the same interfaces, addresses and ports.");
    CHECK(namespace_of(explanation, "pid").mode == Mode::host);
    CHECK(namespace_of(explanation, "time").mode == Mode::own);
    CHECK(isolation.network == IsolationFacts::Network::host);
    CHECK(isolation.capabilities_kept == Texts{"CAP_NET_RAW"});
    CHECK(isolation.capabilities_effective.empty());
    CHECK_FALSE(isolation.no_new_privileges);
    CHECK_FALSE(isolation.seccomp);
    CHECK(isolation.syscalls_denied.empty());
    REQUIRE(isolation.limits.size() == 1);
    CHECK(isolation.limits[0].name == "RLIMIT_NOFILE");
    CHECK(isolation.limits[0].hard == 200);
    REQUIRE(isolation.sysctls.size() == 1);
    CHECK(isolation.sysctls[0] == std::pair<std::string, std::string>{"sys/kernel/shmmax", "1"});
    CHECK(isolation.masked_paths == Texts{"/proc/kcore"});
    CHECK(isolation.timeout == 1500ms);
    CHECK(explanation.rootfs.upper == RootfsFacts::Upper::none);
    CHECK(explanation.rootfs.read_only);
}

TEST_CASE("explain: the plan is told step by step, without the long id") {
    const Bundle bundle;
    const auto plan = bundle.explain().plan;
    REQUIRE(plan.size() > 20);
    CHECK(plan.back().name == "exec");
    CHECK(plan.back().text == "exec 'app' '-v'");
    CHECK(plan.back().phase == "inside");
    bool abbreviated = false;
    for (const auto& step : plan) {
        CAPTURE(step.text);
        CHECK(!step.why.empty());
        const auto at = step.text.find("containers/");
        if (at == std::string::npos) continue;
        abbreviated = true;
        CHECK(step.text.substr(at + 11 + 12, 3) == "...");
    }
    CHECK(abbreviated);
}

TEST_CASE("explain: a kernel in a layer is found, also below what a higher layer hides") {
    const Bundle bundle;
    CHECK(bundle.explain().bootfs.kernel_files.empty());
    bundle.file("shared/base/usr/lib/modules/6.1/modules.dep", "");
    bundle.file("bundle/layers/02-app/boot/vmlinuz-6.1", "");
    bundle.file("bundle/layers/02-app/boot/config-6.1", "");
    bundle.file("bundle/layers/03-site/boot", "no directory");
    const auto bootfs = bundle.explain().bootfs;
    using KernelFile = BootfsFacts::KernelFile;
    CHECK(bootfs.kernel_files ==
          std::vector<KernelFile>{{"01-base", "/usr/lib/modules"}, {"02-app", "/boot/vmlinuz-6.1"}});
    CHECK(bootfs.problem.empty());
    CHECK(!bootfs.kernel_release.empty());
}

TEST_CASE("explain: writes nothing") {
    const Bundle bundle;
    bundle.explain();
    CHECK_FALSE(is_directory(bundle / "root"));
}

TEST_CASE("explain: what run would refuse is refused") {
    Bundle bundle;
    bundle.image.config.cmd.clear();
    CHECK(
        error_text([&] { bundle.explain(); }) ==
        "there is neither an Entrypoint nor a Cmd in image 'test' | give a command: minirun run IMAGE COMMAND [ARG…]");
    bundle.image.config.cmd = {"app"};
    bundle.options.user = "nobody-here";
    CHECK(error_text([&] { bundle.explain(); }).find("'nobody-here'") != std::string::npos);
    bundle.options.user.clear();
    bundle.image.config.architecture = "pdp11";
    CHECK(error_text([&] { bundle.explain(); }).starts_with("image 'test' is for linux/pdp11, this host is linux/"));
}

TEST_CASE("explain: what may not be read is said, not thrown") {
    const Bundle bundle;
    bundle.file("bundle/layers/02-app/closed/file", "x");
    REQUIRE(chmod((bundle / "").c_str(), 0755) == 0);
    REQUIRE(chmod((bundle / "bundle/layers/02-app/closed").c_str(), 0) == 0);
    // Root reads everything, so the test is somebody else for a moment.
    const auto was = ::geteuid();
    if (was == 0) REQUIRE(::seteuid(65534) == 0);
    const auto explanation = bundle.explain({"/closed/file", "/etc/conf"});
    REQUIRE(::seteuid(was) == 0);
    REQUIRE(chmod((bundle / "bundle/layers/02-app/closed").c_str(), 0755) == 0);
    CHECK(explanation.rootfs.layers[1].unreadable_directories == 1);
    CHECK(explanation.paths[0].problem.find("Permission denied") != std::string::npos);
    CHECK(explanation.paths[1].layer == "02-app");
}
