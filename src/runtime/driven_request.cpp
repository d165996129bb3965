#include "runtime/driven_request.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/file.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "kernel/credentials.hpp"
#include "kernel/features.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "model/request_parts.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/notify_socket.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_passwd = 1024 * 1024;

void add_home_of_rootfs(LaunchRequest& request) {
    LayerView view({{"rootfs", request.spec.root.path}});
    const ImageFiles files{view.read_file("/etc/passwd", max_passwd).value_or(""),
                           view.read_file("/etc/group", max_passwd).value_or(""),
                           {}};
    add_home(request.spec.process, files);
}

void check_root(const ContainerSpec& spec, const std::string& config_name) {
    if (!is_directory(spec.root.path))
        throw Error(ErrorKind::bad_input,
                    cat(quote(config_name), ": .root.path: there is no directory ", quote(spec.root.path)),
                    "it is relative to the bundle");
}

// Whoever is not root has his rights in a user namespace of his own, which the container's is made in.
void check_user_namespace(const ContainerSpec& spec, const std::string& config_name) {
    if (::geteuid() == 0) return;
    const auto* wanted = find_namespace(spec, NamespaceType::user);
    if (wanted == nullptr || !wanted->path.empty())
        throw Error(ErrorKind::not_permitted,
                    cat(quote(config_name), ": .linux.namespaces: a user who is not root needs a new user namespace"),
                    "minirun-oci spec --rootless writes a config.json that has one; or run as root");
}

}  // namespace

void set_cgroup_manager(LaunchRequest& request, const Made& made) {
    const bool is_hosts_root = ::geteuid() == 0 && is_in_host_user_namespace();
    request.cgroup = made.cgroup_manager == "disabled" ? CgroupUse::never
                     : is_hosts_root                   ? CgroupUse::always
                                                       : CgroupUse::where_allowed;
    if (made.cgroup_manager != "systemd") return;
    request.cgroup_manager = is_hosts_root ? CgroupManager::systemd : CgroupManager::user_systemd;
}

void keep_grantable(ProcessSpec& process) {
    const auto held = kernel::permitted_capabilities();
    if (!process.capabilities || !held) return;
    std::set<std::string> lacking;
    auto& sets = *process.capabilities;
    for (auto* set : {&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient})
        std::erase_if(*set, [&](const std::string& name) {
            const auto number = capability_number(name);
            const bool lacks = number && (held.value() >> *number & 1) == 0;
            if (lacks) lacking.insert(name);
            return lacks;
        });
    if (!lacking.empty())
        log_warning(cat("capabilities that minirun does not have itself cannot be granted: ",
                        join({lacking.begin(), lacking.end()}, ", ")));
}

std::uint32_t current_umask() {
    const auto mask = ::umask(0);
    ::umask(mask);
    return mask;
}

bool may_be_looked_at(const ContainerSpec& spec) {
    return !has_new_namespace(spec, NamespaceType::pid) || !spec.hooks.start_container.empty();
}

LaunchRequest driven_request(const ContainerRecord& record, const Made& made, ContainerSpec given,
                             const std::string& config_name) {
    LaunchRequest request;
    request.id = record.id();
    request.container_dir = record.path();
    request.process_record = record.process();
    request.seccomp_cache = default_paths().seccomp;
    request.spec = std::move(given);
    auto& spec = request.spec;
    spec.root.path = absolute_path(spec.root.path, made.bundle);
    check_root(spec, config_name);
    check_user_namespace(spec, config_name);
    for (auto& mount : spec.mounts)
        if (is_bind(mount) && !mount.source.starts_with('/')) mount.source = cat(made.bundle, '/', mount.source);
    add_home_of_rootfs(request);
    request.root.kind = RootSource::Kind::directory;
    request.root.upper = RootSource::Upper::none;
    request.streams = {true, spec.process.terminal, !spec.process.terminal, made.preserve_fds};
    request.driven.outlives_minirun = true;
    request.driven.new_keyring = made.new_keyring;
    request.driven.pivot_root = made.pivot_root;
    request.driven.bundle = made.bundle;
    request.loopback_up = true;
    if (!spec.process.user.umask) spec.process.user.umask = current_umask();
    keep_grantable(spec.process);
    if (made.listen_fds > 0) {
        spec.process.env.push_back(cat("LISTEN_FDS=", made.listen_fds));
        spec.process.env.push_back("LISTEN_PID=1");
    }
    if (!made.notify_socket.empty()) add_notify_socket(spec, record);
    set_cgroup_manager(request, made);
    return request;
}

}  // namespace minirun
