#include "model/request_from_image.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "model/capabilities.hpp"
#include "model/defaults.hpp"
#include "model/network_setting.hpp"
#include "model/option_error.hpp"
#include "model/request_parts.hpp"
#include "model/sysctl.hpp"
#include "model/user_database.hpp"
#include "model/volume_mounts.hpp"

namespace minirun {
namespace {

// Entrypoint and Cmd as Docker combines them: arguments replace Cmd; --entrypoint replaces Entrypoint, and the
// image's Cmd, which was meant for the other one, goes with it.
std::vector<std::string> command_line(const Image& image, const RunOptions& options) {
    auto args = options.entrypoint.value_or(image.config.entrypoint);
    // Docker writes a cleared Entrypoint as one empty word.
    if (args.size() == 1 && args[0].empty()) args.clear();
    const bool keep_cmd = options.arguments.empty() && !options.entrypoint;
    const auto& rest = keep_cmd ? image.config.cmd : options.arguments;
    args.insert(args.end(), rest.begin(), rest.end());
    if (!args.empty() && args[0].empty())
        throw Error(ErrorKind::bad_input, cat("the command to run in image ", quote(image.name), " is an empty word"),
                    "give a command: minirun run IMAGE COMMAND [ARG…]");
    if (!args.empty()) return args;
    if (image.form == Image::Form::plain_rootfs)
        throw Error(ErrorKind::usage, cat("there is no command to run in ", quote(image.name)),
                    "give one: minirun run --rootfs DIR COMMAND [ARG…]");
    const auto cause = options.entrypoint ? "--entrypoint leaves nothing to run of image "
                                          : "there is neither an Entrypoint nor a Cmd in image ";
    throw Error(ErrorKind::bad_input, cat(cause, quote(image.name)),
                "give a command: minirun run IMAGE COMMAND [ARG…]");
}

// The host's name with the host's uts namespace, and with its network, where it stands for the host's addresses.
std::string host_name(const RunOptions& options, const HostFacts& host) {
    if (!options.hostname.empty()) return options.hostname;
    if (options.network == RunOptions::Network::host && !host.hostname.empty()) return host.hostname;
    return host.id.substr(0, 12);
}

std::vector<std::string> environment(const Image& image, const RunOptions& options, const std::string& home,
                                     const std::string& hostname) {
    std::vector<std::string> env;
    for (const auto& assignment : image.config.env) set_variable(env, assignment);
    const auto add_missing = [&](std::string_view name, std::string_view value) {
        if (!has_variable(env, name)) env.push_back(cat(name, '=', value));
    };
    add_missing("PATH", default_path);
    add_missing("HOME", home);
    add_missing("HOSTNAME", hostname);
    if (options.tty) add_missing("TERM", "xterm");
    for (const auto& assignment : options.env) set_variable(env, assignment);
    return env;
}

// The primary group is among the supplementary ones, as the engines have it: a process that gives up its primary
// group must not get past a file's permissions that exclude that group (CVE-2022-36109).
std::vector<std::uint32_t> groups_of(const ResolvedUser& user, const RunOptions& options, std::string_view group_text) {
    std::vector<std::uint32_t> gids{user.gid};
    const auto add = [&](const std::vector<std::uint32_t>& more) {
        for (const auto gid : more)
            if (std::find(gids.begin(), gids.end(), gid) == gids.end()) gids.push_back(gid);
    };
    add(user.additional_gids);
    add(resolve_groups(options.group_add, group_text));
    return gids;
}

void set_process(ContainerSpec& spec, const Image& image, const RunOptions& options, const ImageFiles& files,
                 const HostFacts& host) {
    const auto user = resolve_user(options.user.empty() ? image.config.user : options.user, files.passwd, files.group);
    const bool own_uts = options.uts == NamespaceMode::private_;
    auto& process = spec.process;
    process.terminal = options.tty;
    process.user.uid = user.uid;
    process.user.gid = user.gid;
    process.user.additional_gids = groups_of(user, options, files.group);
    process.args = command_line(image, options);
    process.env = environment(image, options, user.home, own_uts ? host_name(options, host) : host.hostname);
    process.cwd = working_directory(options, image.config.working_dir);
    process.capabilities = container_capabilities(options, user.uid, host.capabilities);
    process.rlimits = options.ulimits;
    process.no_new_privileges = options.no_new_privileges.value_or(!options.privileged);
}

void set_names(ContainerSpec& spec, const RunOptions& options, const HostFacts& host) {
    if (options.uts == NamespaceMode::private_) {
        spec.hostname = host_name(options, host);
        spec.domainname = options.domainname;
    } else if (!options.hostname.empty() || !options.domainname.empty()) {
        const bool host_given = !options.hostname.empty();
        throw option_error(host_given ? "--hostname" : "--domainname",
                           host_given ? options.hostname : options.domainname,
                           "with --uts host it would change the host's own name");
    }
    spec.annotations = options.annotations;
}

void check_sysctls(const ContainerSpec& spec, const RunOptions& options) {
    for (const auto& [key, value] : options.sysctls) {
        const auto path = sysctl_path(key);
        if (!path) throw option_error("--sysctl", key, "no name of a sysctl", "write net.ipv4.ip_forward=1");
        if (*path == "kernel/hostname") throw option_error("--sysctl", key, "use --hostname");
        const auto type = sysctl_namespace(*path);
        const auto& all = spec.linux_.namespaces;
        const auto found = std::find_if(all.begin(), all.end(), [&](const Namespace& one) { return one.type == type; });
        if (!type) throw option_error("--sysctl", key, "no namespace has its own, so it would change the host");
        if (found == all.end())
            throw option_error("--sysctl", key,
                               "the container shares that namespace with the host, so it would change the host");
        if (!found->path.empty())
            throw option_error("--sysctl", key, "the container joins that namespace, so it would change it for others");
    }
}

// The user's devices, and with --privileged the host's; of two with one path the user's.
std::vector<DeviceSpec> devices_of(const RunOptions& options, const HostFacts& host) {
    auto devices = options.devices;
    if (!options.privileged) return devices;
    for (const auto& device : host.devices) {
        const bool taken = std::any_of(devices.begin(), devices.end(),
                                       [&](const DeviceSpec& other) { return other.path == device.path; });
        if (!taken) devices.push_back(device);
    }
    return devices;
}

std::optional<SharedText> seccomp_of(const RunOptions& options, const HostFacts& host) {
    if (options.seccomp == "unconfined") return std::nullopt;
    if (options.seccomp) return options.seccomp;
    if (options.privileged) return std::nullopt;
    return SharedText::lasting(host.default_seccomp_profile);
}

void set_isolation(ContainerSpec& spec, const RunOptions& options, const HostFacts& host) {
    auto& isolation = spec.linux_;
    isolation.namespaces = default_namespaces(options);
    if (options.user_namespace) isolation.uid_mappings = isolation.gid_mappings = {default_id_mapping(host.id)};
    isolation.devices = devices_of(options, host);
    isolation.sysctl = options.sysctls;
    check_sysctls(spec, options);
    isolation.seccomp = seccomp_of(options, host);
    const std::vector<std::string> nothing;
    isolation.masked_paths = options.masked_paths.value_or(options.privileged ? nothing : default_masked_paths());
    isolation.readonly_paths = options.readonly_paths.value_or(options.privileged ? nothing : default_readonly_paths());
    // An empty list says that nothing is to be masked.
    auto& masked = isolation.masked_paths;
    if (!masked.empty()) masked.insert(masked.end(), host.masked_paths.begin(), host.masked_paths.end());
}

RootSource root_of(const Image& image, const RunOptions& options) {
    refuse_two_uppers(options);
    RootSource root;
    root.kind = RootSource::Kind::layers;
    root.layers = image.layers;
    root.isolated = options.isolate_layers;
    root.upper = options.read_only     ? RootSource::Upper::none
                 : options.tmpfs_upper ? RootSource::Upper::memory
                                       : RootSource::Upper::disk;
    root.memory_upper_size = options.tmpfs_upper_size;
    root.reused = options.has_record() && !options.remove;
    return root;
}

// The defaults, then the volumes. One that replaces a default takes its place, so that what belongs into it (the
// cgroups in a /sys of the user's) still comes after it.
void set_mounts(LaunchRequest& request, const Image& image, const RunOptions& options, const ImageFiles& files) {
    auto volumes = volume_mounts(image, options, files, request.container_dir);
    auto& mounts = request.spec.mounts;
    for (auto& mount : default_mounts(options)) {
        const auto replacing = std::find_if(volumes.mounts.begin(), volumes.mounts.end(), [&](const MountSpec& volume) {
            return volume.destination == mount.destination;
        });
        if (replacing == volumes.mounts.end()) {
            mounts.push_back(std::move(mount));
            continue;
        }
        mounts.push_back(std::move(*replacing));
        volumes.mounts.erase(replacing);
    }
    std::move(volumes.mounts.begin(), volumes.mounts.end(), std::back_inserter(mounts));
    request.ensure_directories = std::move(volumes.directories);
}

std::vector<std::string> notices_of(const Image& image, const RunOptions& options) {
    auto notices = port_notices(image.config, options);
    if (options.privileged)
        notices.emplace_back("--privileged takes the sandbox away: root in the container is root on this host");
    if (options.allow_32bit)
        notices.emplace_back("--32bit opens the kernel's 32-bit system calls, a second and less tested way into it");
    return notices;
}

// /dev is the one mount that is not nodev: who can make nodes there gets those that open from a device cgroup, as with
// Docker.
void restrict_devices(ContainerSpec& spec, const RunOptions& options) {
    const auto& bounding = spec.process.capabilities->bounding;
    if (options.privileged || std::find(bounding.begin(), bounding.end(), "CAP_MKNOD") == bounding.end()) return;
    auto& rules = spec.linux_.resources.devices;
    if (rules.empty()) rules.push_back({});  // deny all
    for (const auto& device : spec.linux_.devices)
        rules.push_back({true, device.type, device.major, device.minor, "rwm"});
}

}  // namespace

LaunchRequest request_from_image(const Image& image, const RunOptions& options, const ImageFiles& files,
                                 const HostFacts& host) {
    auto request = request_around(options, host, image.config.stop_signal);
    auto& spec = request.spec;
    request.root = root_of(image, options);
    spec.root = {"rootfs", options.read_only};
    set_process(spec, image, options, files, host);
    set_names(spec, options, host);
    set_isolation(spec, options, host);
    set_mounts(request, image, options, files);
    set_resources(spec.linux_, options, host.id);
    restrict_devices(spec, options);
    request.pasta = network_setting(image.config, options, host.container_dir);
    request.bridge = bridge_setting(image.config, options);
    request.privileged = options.privileged;
    request.notices = notices_of(image, options);
    require_valid(spec, cat("image ", quote(image.name)));
    return request;
}

}  // namespace minirun
