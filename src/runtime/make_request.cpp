#include "runtime/make_request.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "kernel/credentials.hpp"
#include "minirun/error.hpp"
#include "model/network_setting.hpp"
#include "model/published_ports.hpp"
#include "model/request_from_image.hpp"
#include "model/volume_mounts.hpp"
#include "network/etc_files.hpp"
#include "network/host_ports.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/container_network.hpp"
#include "security/default_seccomp.hpp"

namespace minirun {
namespace {

// --privileged gives the host's devices: the nodes directly below /dev.
std::vector<DeviceSpec> host_devices() {
    std::vector<DeviceSpec> devices;
    const std::unique_ptr<DIR, int (*)(DIR*)> dev(::opendir("/dev"), ::closedir);
    while (const dirent* entry = dev ? ::readdir(dev.get()) : nullptr) {
        struct stat info {};
        if (::fstatat(::dirfd(dev.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) continue;
        if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) continue;
        const std::string_view name = entry->d_name;
        if (name == "console" || name == "ptmx") continue;
        devices.push_back({cat("/dev/", name), S_ISBLK(info.st_mode) ? 'b' : 'c', major(info.st_rdev),
                           minor(info.st_rdev), info.st_mode & 07777u, info.st_uid, info.st_gid});
    }
    return devices;
}

// What is the same for all containers.
HostFacts facts_of_host(const Paths& paths) {
    HostFacts host;
    host.seccomp_cache = paths.seccomp;
    char name[65] = {};
    ::gethostname(name, sizeof name - 1);
    host.hostname = name;
    host.hosts = read_optional_file("/etc/hosts", max_etc_file).value_or("");
    host.resolv_conf = read_optional_file("/etc/resolv.conf", max_etc_file).value_or("");
    host.default_seccomp_profile = default_seccomp_profile();
    if (const auto held = kernel::permitted_capabilities(); held && held.value() != 0) host.capabilities = held.value();
    return host;
}

// The platform first: of another one's image nothing else needs to be right.
const Image& checked(const Image& image) {
    check_platform(image);
    return image;
}

bool is_below_a_mount(const ContainerSpec& spec, const MountSpec* self, const std::string& path) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const MountSpec& mount) {
        return &mount != self && path != mount.destination && is_at_or_below(path, mount.destination);
    });
}

// A target that is a link with nothing behind it, or that climbs out of the root, is refused before anything is
// mounted; the child would end up at another place than the one that was meant (CVE-2021-30465).
void check_target(const Resolution& resolved, LayerView& view, const std::string& path) {
    if (resolved.escapes)
        throw Error(ErrorKind::bad_input,
                    cat("the mount target ", quote(path), " leads out of the root file system through a symbolic link"),
                    "mount on another path of the container");
    if (const auto reason = reason_against_target(resolved.path); resolved.path != path && !reason.empty())
        throw Error(
            ErrorKind::bad_input,
            cat("the mount target ", quote(path), " is a symbolic link to ", quote(resolved.path), ": ", reason),
            "mount on another path of the container");
    if (!resolved.entry && view.lookup(path, false))
        throw Error(
            ErrorKind::bad_input,
            cat("the mount target ", quote(path), " is a symbolic link that leads nowhere inside the root file system"),
            "mount on the directory itself, or choose another target");
}

// Of the default mounts, whose targets the child holds to stricter rules (Target::no_links).
bool is_minirun_s_own(const std::string& path) {
    return path == "/proc" || path == "/sys" || path == "/dev" || is_at_or_below(path, "/sys/fs/cgroup");
}

// Mount points that the image lacks are in a layer of their own. If there is no room for one more, they are made in a
// writable layer, before the root becomes read-only.
void make_room_for_targets(RootSource& root) {
    if (root.missing_targets.empty() || root.layers.size() < max_layers) return;
    root.missing_targets.clear();
    root.upper = RootSource::Upper::memory;
}

// What is mounted where nothing is: only a root that can be written to gets it while the container is made.
void look_at_targets(LaunchRequest& request, LayerView& view) {
    auto& spec = request.spec;
    const bool writable = request.root.upper != RootSource::Upper::none;
    const auto look = [&](const MountSpec* mount, const std::string& path, bool directory) {
        if (is_below_a_mount(spec, mount, path)) return;
        const auto resolved = view.resolve(path);
        if (!is_minirun_s_own(path)) check_target(resolved, view, path);
        if (!writable && !resolved.entry) request.root.missing_targets.push_back({resolved.path, directory});
    };
    for (const auto& mount : spec.mounts) {
        // The places of the default mounts are looked at only where they have to be there already.
        if (writable && is_minirun_s_own(mount.destination)) continue;
        look(&mount, mount.destination, mount.type != "bind" || is_directory(mount.source));
    }
    if (writable) return;
    for (const auto& file : request.etc_files) look(nullptr, file.path, false);
    make_room_for_targets(request.root);
}

// Nobody but us knows which they are.
void choose_free_ports(LaunchRequest& request, std::vector<PublishedPorts>& ports) {
    const auto asked = ports;
    choose_host_ports(ports);
    for (std::size_t i = 0; i < ports.size(); i++)
        if (asked[i].host_port == 0)
            request.notices.push_back(cat("port ", ports[i].container_port, '/', protocol_name(ports[i].protocol),
                                          " of the container is port ", ports[i].host_port, " of this host"));
}

// Of the container whose network it joins: its name stands in the files that they share.
void join_names(LaunchRequest& request, const StoredContainer& other) {
    request.network_of = other.id();
    auto& spec = request.spec;
    const auto hostname = other.request().spec.hostname;
    if (spec.hostname.empty() || hostname.empty()) return;
    for (auto& variable : spec.process.env)
        if (variable == cat("HOSTNAME=", spec.hostname)) variable = cat("HOSTNAME=", hostname);
    spec.hostname = hostname;
}

}  // namespace

RequestMaker::RequestMaker(const Image& image, const Paths& paths)
    : image_(checked(image)),
      paths_(paths),
      view_(image.layers),
      files_{view_.read_file("/etc/passwd", max_etc_file).value_or(""),
             view_.read_file("/etc/group", max_etc_file).value_or(""),
             [this](const std::string& path) { return view_.directory_stack(path); }},
      host_(facts_of_host(paths)) {}

HostFacts RequestMaker::facts_of_run(const RunOptions& options) const {
    auto host = host_;
    host.id = new_container_id();
    host.container_dir = paths_.containers + "/" + host.id;
    host.process_record = options.has_record() ? host.container_dir + "/process" : paths_.processes + "/" + host.id;
    if (options.privileged) host.devices = host_devices();
    return host;
}

LaunchRequest RequestMaker::make(const RunOptions& given) {
    auto options = given;
    const auto joined = network_of(given) == RunOptions::Network::container
                            ? std::optional(find_running(paths_, given.network_container))
                            : std::nullopt;
    if (joined) options.network_path = joined->network_path;
    const auto host = facts_of_run(options);
    if (image_.form == Image::Form::runtime_bundle) return request_from_runtime_spec(image_, options, files_, host);
    auto request = request_from_image(image_, options, files_, host);
    request.etc_files = etc_files(request.spec, options, host);
    if (request.pasta) {
        request.pasta->dns_forward = dns_forward(options, host);
        choose_free_ports(request, request.pasta->ports);
    }
    if (request.bridge) choose_free_ports(request, request.bridge->ports);
    if (joined) join_names(request, joined->container);
    look_at_targets(request, view_);
    return request;
}

LaunchRequest make_request(const Image& image, const RunOptions& options, const Paths& paths) {
    return RequestMaker(image, paths).make(options);
}

}  // namespace minirun
