#include "base/path.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/request_from_image.hpp"
#include "model/request_parts.hpp"
#include "model/runtime_bundle_notice.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

// Options about what the config.json has decided. To apply them all the same would make a container that is neither
// the one of the config.json nor the one of the options.
void refuse_decided_options(const Image& image, const RunOptions& options) {
    const RunOptions defaults;
    const struct {
        bool given;
        std::string_view name, key;
    } rows[] = {
        {!options.user.empty(), "--user", ".process.user"},
        {!options.group_add.empty(), "--group-add", ".process.user"},
        {!options.volumes.empty(), "--volume", ".mounts"},
        {!options.devices.empty(), "--device", ".linux.devices"},
        {options.shm_size != defaults.shm_size, "--shm-size", ".mounts"},
        {options.network.has_value(), "--network", ".linux.namespaces"},
        {!options.publish.empty(), "--publish", ".linux.namespaces"},
        {options.publish_all, "--publish-all", ".linux.namespaces"},
        {!options.mac_address.empty(), "--mac-address", ".linux.netDevices"},
        {options.pid != defaults.pid, "--pid", ".linux.namespaces"},
        {options.ipc != defaults.ipc, "--ipc", ".linux.namespaces"},
        {options.uts != defaults.uts, "--uts", ".linux.namespaces"},
        {options.cgroup != defaults.cgroup, "--cgroupns", ".linux.namespaces"},
        {options.user_namespace, "--userns", ".linux.namespaces"},
        {options.time_namespace, "--time", ".linux.namespaces"},
        {!options.cap_add.empty(), "--cap-add", ".process.capabilities"},
        {!options.cap_drop.empty(), "--cap-drop", ".process.capabilities"},
        {options.isolate_layers, "--isolate-layers", ".root.path"},
        {options.privileged, "--privileged", ".process.capabilities"},
        {options.no_new_privileges.has_value(), "--security-opt no-new-privileges", ".process.noNewPrivileges"},
        {options.seccomp.has_value(), "--security-opt seccomp", ".linux.seccomp"},
        {options.masked_paths.has_value(), "--security-opt mask and unmask", ".linux.maskedPaths"},
        {options.readonly_paths.has_value(), "--security-opt mask and unmask", ".linux.readonlyPaths"},
        {!options.ulimits.empty(), "--ulimit", ".process.rlimits"},
        {!options.sysctls.empty(), "--sysctl", ".linux.sysctl"},
        {options.resources != Resources{} || options.nano_cpus, "what limits its resources", ".linux.resources"},
        {!options.cgroup_parent.empty(), "--cgroup-parent", ".linux.cgroupsPath"},
        {!options.add_hosts.empty(), "--add-host", ".mounts"},
        {!options.dns.empty() || !options.dns_search.empty() || !options.dns_options.empty(), "--dns", ".mounts"},
    };
    for (const auto& row : rows)
        if (row.given)
            throw Error(ErrorKind::usage,
                        cat(row.name, " does not apply to a runtime bundle, whose config.json decides that"),
                        cat("change ", row.key, " in ", quote(image.config_file)));
}

// They are programs of the host's, and whoever runs a bundle has not read it.
void refuse_hooks(const Image& image) {
    if (image.runtime_spec && image.runtime_spec->hooks != HookSpec{})
        throw Error(ErrorKind::unsupported,
                    cat(quote(image.config_file), ": .hooks: minirun run starts no hooks, which run on the host"),
                    "minirun-oci run does, or take them out");
}

void apply_process_options(ContainerSpec& spec, const RunOptions& options) {
    auto& process = spec.process;
    if (options.entrypoint || !options.arguments.empty()) {
        process.args = options.entrypoint.value_or(std::vector<std::string>{});
        process.args.insert(process.args.end(), options.arguments.begin(), options.arguments.end());
    }
    for (const auto& assignment : options.env) set_variable(process.env, assignment);
    process.cwd = working_directory(options, process.cwd);
    process.terminal = process.terminal || options.tty;
    if (!options.hostname.empty()) spec.hostname = options.hostname;
    if (!options.domainname.empty()) spec.domainname = options.domainname;
    for (const auto& [key, value] : options.annotations) spec.annotations[key] = value;
}

// The directory as it is, or, with --tmpfs-upper, below a writable layer that is thrown away.
RootSource root_of(const Image& image, const RunOptions& options) {
    refuse_two_uppers(options);
    RootSource root;
    root.kind = options.tmpfs_upper ? RootSource::Kind::layers : RootSource::Kind::directory;
    root.layers = image.layers;
    root.upper = options.tmpfs_upper ? RootSource::Upper::memory : RootSource::Upper::none;
    root.memory_upper_size = options.tmpfs_upper_size;
    return root;
}

}  // namespace

LaunchRequest request_from_runtime_spec(const Image& image, const RunOptions& options, const ImageFiles& files,
                                        const HostFacts& host) {
    refuse_decided_options(image, options);
    refuse_hooks(image);
    auto request = request_around(options, host, {});
    request.spec = image.runtime_spec.value_or(ContainerSpec{});
    auto& spec = request.spec;
    apply_process_options(spec, options);
    add_home(spec.process, files);
    request.root = root_of(image, options);
    request.notices = what_it_opens(image);
    spec.root.path = absolute_path(spec.root.path, image.directory);
    spec.root.readonly = spec.root.readonly || options.read_only;
    request.streams.tty = spec.process.terminal;
    require_valid(spec, printable(image.config_file));
    return request;
}

}  // namespace minirun
