// spec: a config.json to begin with.
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {{'b', "bundle", "DIR", "where it is written (default: here)"},
                                   {0, "rootless", "", "for a user who is not root"},
                                   {0, "help", "", "print this text"}};

ContainerSpec usual_spec() {
    ContainerSpec spec;
    spec.root = {"rootfs", true};
    spec.hostname = "minirun";
    auto& process = spec.process;
    process.terminal = true;
    process.args = {"sh"};
    process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
    const std::vector<std::string> kept{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    process.capabilities = CapabilitySpec{kept, kept, {}, kept, {}};
    process.rlimits = {{"RLIMIT_NOFILE", 1024, 1024}};
    process.no_new_privileges = true;
    spec.mounts = {
        {"/proc", "proc", "proc", {}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}}};
    spec.linux_.namespaces = {{NamespaceType::pid, ""}, {NamespaceType::network, ""}, {NamespaceType::ipc, ""},
                              {NamespaceType::uts, ""}, {NamespaceType::mount, ""},   {NamespaceType::cgroup, ""}};
    spec.linux_.resources.devices = {{false, 'a', {}, {}, "rwm"}};
    spec.linux_.masked_paths = default_masked_paths();
    spec.linux_.readonly_paths = default_readonly_paths();
    return spec;
}

// As a user: one id, no resources, the host's network, and the host's /sys, which its owner may not mount anew.
void make_rootless(ContainerSpec& spec) {
    auto& namespaces = spec.linux_.namespaces;
    std::erase_if(namespaces, [](const Namespace& one) { return one.type == NamespaceType::network; });
    namespaces.push_back({NamespaceType::user, ""});
    spec.linux_.uid_mappings = {{0, ::geteuid(), 1}};
    spec.linux_.gid_mappings = {{0, ::getegid(), 1}};
    spec.linux_.resources = {};
    for (auto& mount : spec.mounts) {
        std::erase(mount.options, "gid=5");
        if (mount.destination == "/sys") mount = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};
    }
    std::erase_if(spec.mounts, [](const MountSpec& mount) { return mount.type == "cgroup"; });
}

}  // namespace

int oci_spec(const OciSetting&, int argc, char** argv) {
    const auto line = read_oci_line(options, "spec [OPTIONS]", argc, argv);
    if (line.done) return 0;
    const auto bundle = line.value("bundle");
    const auto file = bundle.empty() ? std::string("config.json") : bundle + "/config.json";
    if (::access(file.c_str(), F_OK) == 0)
        throw Error(ErrorKind::conflict, cat("the file ", quote(file), " exists already"), "remove it first");
    auto spec = usual_spec();
    if (line.has("rootless")) make_rootless(spec);
    write_file_atomically(file, runtime_spec_json(spec), 0644);
    return 0;
}

}  // namespace minirun
