#include "runtime/driven_request.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "model/request_parts.hpp"
#include "model/runtime_spec.hpp"

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

bool is_bind(const MountSpec& mount) {
    return mount.type == "bind" || std::any_of(mount.options.begin(), mount.options.end(), [](const std::string& word) {
               return word == "bind" || word == "rbind";
           });
}

void check_root(const ContainerSpec& spec, const std::string& config_name) {
    if (!is_directory(spec.root.path))
        throw Error(ErrorKind::bad_input,
                    cat(quote(config_name), ": .root.path: there is no directory ", quote(spec.root.path)),
                    "it is relative to the bundle");
}

}  // namespace

LaunchRequest driven_request(const ContainerRecord& record, const Made& made, const std::string& config,
                             const std::string& config_name) {
    LaunchRequest request;
    request.id = record.id();
    request.container_dir = record.path();
    request.process_record = record.process();
    request.seccomp_cache = default_paths().seccomp;
    request.spec = parse_runtime_spec(config, config_name);
    auto& spec = request.spec;
    spec.root.path = absolute_path(spec.root.path, made.bundle);
    check_root(spec, config_name);
    for (auto& mount : spec.mounts)
        if (is_bind(mount) && !mount.source.starts_with('/')) mount.source = cat(made.bundle, '/', mount.source);
    add_home_of_rootfs(request);
    request.root.kind = RootSource::Kind::directory;
    request.root.upper = RootSource::Upper::none;
    request.streams = {true, spec.process.terminal, !spec.process.terminal, made.preserve_fds};
    request.driven = {true, false, made.new_keyring, made.pivot_root, made.bundle};
    request.loopback_up = true;
    request.cgroup = CgroupUse::always;
    return request;
}

}  // namespace minirun
