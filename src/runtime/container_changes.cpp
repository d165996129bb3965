#include "runtime/container_changes.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/text.hpp"
#include "image/changes.hpp"
#include "image/layer_view.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

Fd open_upper(const LaunchRequest& request, const Fd& upper_in_memory) {
    constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd upper(request.root.upper == RootSource::Upper::memory
                 ? ::openat(upper_in_memory.get(), "upper", flags)
                 : ::open(cat(request.container_dir, "/upper").c_str(), flags));
    if (!upper) throw system_error("cannot look at the container's writable layer", errno);
    return upper;
}

// What is mounted, and what minirun makes for that: where the image has links, the places that they lead to.
std::vector<std::string> made_for(const LaunchRequest& request) {
    LayerView view(request.root.layers);
    std::vector<std::string> paths;
    const auto add = [&](const std::string& path) { paths.push_back(view.resolve(path).path); };
    for (const auto& mount : request.spec.mounts) add(mount.destination);
    for (const auto& file : request.etc_files) add(file.path);
    for (const auto& directory : request.ensure_directories) add(directory);
    add(request.spec.process.cwd);
    return paths;
}

}  // namespace

void check_changes_can_be_told(const LaunchRequest& request) {
    if (!request.keeps_upper || request.root.kind == RootSource::Kind::layers) return;
    throw Error(
        ErrorKind::usage,
        "--report-diff: the root file system of this runtime bundle is used as it is, so there is no layer that "
        "holds what the container changes",
        "--tmpfs-upper gives it one");
}

Changes changes_of(const LaunchRequest& request, const Fd& upper_in_memory, const std::function<bool()>& stop) {
    if (request.root.upper == RootSource::Upper::none) return {};
    const auto upper = open_upper(request, upper_in_memory);
    WritableLayer layer{upper.get(), request.root.layers, made_for(request), {}, {}, {}};
    // Of a user namespace. On disk it is seen through an idmapped mount, in a tmpfs as it is.
    if (request.root.upper == RootSource::Upper::memory) {
        layer.uids = request.spec.linux_.uid_mappings;
        layer.gids = request.spec.linux_.gid_mappings;
    }
    return find_changes(layer, most_changes, stop);
}

}  // namespace minirun
