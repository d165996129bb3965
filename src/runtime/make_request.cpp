#include "runtime/make_request.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "kernel/credentials.hpp"
#include "model/request_from_image.hpp"
#include "runtime/container_directory.hpp"
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

HostFacts host_facts(const Paths& paths, const RunOptions& options) {
    HostFacts host;
    host.id = new_container_id();
    host.container_dir = paths.containers + "/" + host.id;
    host.seccomp_cache = paths.seccomp;
    char name[65] = {};
    ::gethostname(name, sizeof name - 1);
    host.hostname = name;
    host.hosts = read_optional_file("/etc/hosts", max_etc_file).value_or("");
    host.resolv_conf = read_optional_file("/etc/resolv.conf", max_etc_file).value_or("");
    host.default_seccomp_profile = default_seccomp_profile();
    if (const auto held = kernel::permitted_capabilities(); held && held.value() != 0) host.capabilities = held.value();
    if (options.privileged) host.devices = host_devices();
    return host;
}

}  // namespace

LaunchRequest make_request(const Image& image, const RunOptions& options, const Paths& paths) {
    check_platform(image);
    const auto host = host_facts(paths, options);
    if (image.form == Image::Form::runtime_bundle) return request_from_runtime_spec(image, options, host);
    LayerView view(image.layers);
    const ImageFiles files{view.read_file("/etc/passwd", max_etc_file).value_or(""),
                           view.read_file("/etc/group", max_etc_file).value_or(""),
                           [&](const std::string& path) { return view.directory_stack(path); }};
    return request_from_image(image, options, files, host);
}

}  // namespace minirun
