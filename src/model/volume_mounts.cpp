#include "model/volume_mounts.hpp"

#include <algorithm>
#include <climits>

#include "base/path.hpp"
#include "kernel/names.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

using Kind = VolumeOption::Kind;

std::string_view option_name(const VolumeOption& volume) { return volume.kind == Kind::tmpfs ? "--tmpfs" : "--volume"; }

// Files of /proc that a file system like lxcfs replaces by ones that tell of the container; runc allows the same.
bool is_replaceable_in_proc(std::string_view path) {
    constexpr std::string_view files[] = {"/proc/cpuinfo",  "/proc/diskstats", "/proc/loadavg", "/proc/meminfo",
                                          "/proc/slabinfo", "/proc/stat",      "/proc/swaps",   "/proc/uptime"};
    return std::find(std::begin(files), std::end(files), path) != std::end(files);
}

void check_destination(const VolumeOption& volume, const std::vector<VolumeOption>& before) {
    if (const auto reason = reason_against_target(volume.destination); !reason.empty())
        throw option_error(option_name(volume), volume.destination, reason);
    for (const auto& other : before)
        if (other.destination == volume.destination)
            throw option_error(option_name(volume), volume.destination, "something else is mounted there already");
}

// The user's volumes, and those of the image where the user has none; parents before children.
std::vector<VolumeOption> all_volumes(const Image& image, const RunOptions& options) {
    std::vector<VolumeOption> volumes;
    for (auto volume : options.volumes) {
        volume.destination = volume.destination.starts_with('/') ? clean_path(volume.destination) : volume.destination;
        check_destination(volume, volumes);
        volumes.push_back(std::move(volume));
    }
    for (const auto& path : image.config.volumes) {
        const auto destination = clean_path(path);
        if (const auto reason = reason_against_target(destination); !reason.empty())
            throw Error(ErrorKind::bad_input, cat("image ", quote(image.name), ": volume ", quote(path), ": ", reason));
        const auto taken = std::any_of(volumes.begin(), volumes.end(),
                                       [&](const VolumeOption& volume) { return volume.destination == destination; });
        if (!taken) volumes.push_back({Kind::anonymous, "", destination, false, {}});
    }
    const auto depth = [](const VolumeOption& volume) {
        return std::count(volume.destination.begin(), volume.destination.end(), '/');
    };
    std::stable_sort(volumes.begin(), volumes.end(),
                     [&](const VolumeOption& a, const VolumeOption& b) { return depth(a) < depth(b); });
    return volumes;
}

bool has_any(const std::vector<std::string>& words, bool (*is_such)(std::string_view)) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return is_such(word); });
}
bool is_propagation(std::string_view word) {
    const auto option = mount_option(word);
    return option && option->propagation != 0;
}
bool is_bind_word(std::string_view word) { return word == "bind" || word == "rbind"; }
bool is_about_devices(std::string_view word) {
    return word == "dev" || word == "rdev" || word == "nodev" || word == "rnodev";
}
bool is_mode(std::string_view word) { return word.starts_with("mode="); }

// No device cgroup stands between the container and the device nodes of a host's directory: nodev does.
MountSpec bind_mount(const VolumeOption& volume) {
    MountSpec mount{volume.destination, "bind", volume.source, {}};
    const bool whole_tree = std::find(volume.options.begin(), volume.options.end(), "bind") == volume.options.end();
    if (!has_any(volume.options, is_bind_word)) mount.options.emplace_back("rbind");
    if (!has_any(volume.options, is_propagation)) mount.options.emplace_back("rprivate");
    if (!has_any(volume.options, is_about_devices)) mount.options.emplace_back(whole_tree ? "rnodev" : "nodev");
    if (volume.read_only) mount.options.emplace_back(whole_tree ? "rro" : "ro");
    mount.options.insert(mount.options.end(), volume.options.begin(), volume.options.end());
    return mount;
}

MountSpec tmpfs_mount(const VolumeOption& volume) {
    MountSpec mount{volume.destination, "tmpfs", "tmpfs", {"nosuid", "nodev", "noexec"}};
    if (!has_any(volume.options, is_mode)) mount.options.emplace_back("mode=1777");
    mount.options.insert(mount.options.end(), volume.options.begin(), volume.options.end());
    if (volume.read_only) mount.options.emplace_back("ro");
    return mount;
}

// A writable view of directories (topmost first) that stay as they are. What is written lasts as long as the
// container: overlayfs does not mount what was "volatile" a second time.
MountSpec overlay_mount(const std::string& destination, const std::vector<std::string>& lower,
                        const std::string& directory, bool reused) {
    MountSpec mount{destination, "overlay", "overlay", {}};
    for (const auto& path : lower) mount.options.push_back("lowerdir+=" + path);
    mount.options.push_back("upperdir=" + directory + "/upper");
    mount.options.push_back("workdir=" + directory + "/work");
    if (!reused) mount.options.emplace_back("volatile");
    for (const auto* word : {"index=off", "metacopy=off"}) mount.options.emplace_back(word);
    return mount;
}

}  // namespace

// A /proc that is none would swallow what is written to it for the container's safety (CVE-2019-16884), and a /dev that
// is not ours would lead elsewhere.
std::string reason_against_target(std::string_view path) {
    if (!path.starts_with('/')) return "the path in the container has to be absolute";
    if (path.size() >= PATH_MAX) return cat("the path has ", path.size(), " bytes, more than the kernel takes");
    if (path == "/") return "a volume cannot cover the container's whole root";
    if (is_at_or_below(path, "/proc") && !is_replaceable_in_proc(path)) return "nothing can be mounted over /proc";
    if (path == "/dev") return "/dev is minirun's own: give single devices with --device";
    return {};
}

VolumeMounts volume_mounts(const Image& image, const RunOptions& options, const ImageFiles& files,
                           const std::string& container_dir) {
    VolumeMounts result;
    int overlays = 0;
    const auto add_overlay = [&](const VolumeOption& volume, const std::vector<std::string>& lower) {
        auto mount = overlay_mount(volume.destination, lower, cat(container_dir, "/volumes/", overlays++),
                                   options.has_record() && !options.remove);
        if (!has_any(volume.options, is_about_devices)) mount.options.emplace_back("nodev");
        mount.options.insert(mount.options.end(), volume.options.begin(), volume.options.end());
        result.mounts.push_back(std::move(mount));
    };
    const auto add_anonymous = [&](const VolumeOption& volume) {
        const auto& path = volume.destination;
        // Below another volume the writable layer cannot hold it; `-v DIR:/app -v /app/cache` is a common way to keep
        // a part of DIR out.
        const bool below_another = std::any_of(result.mounts.begin(), result.mounts.end(), [&](const MountSpec& mount) {
            return is_at_or_below(path, mount.destination);
        });
        if (!options.read_only && !below_another) {
            result.directories.push_back(path);
            return;
        }
        const auto stack = files.directory_stack ? files.directory_stack(path) : std::vector<std::string>{};
        if (!stack.empty()) return add_overlay(volume, stack);
        // Nothing of the image's to start from: an empty one. An overlay would need a directory below it.
        result.mounts.push_back({path, "tmpfs", "tmpfs", {"nodev", "mode=0755"}});
    };
    for (const auto& volume : all_volumes(image, options)) {
        switch (volume.kind) {
            case Kind::bind: result.mounts.push_back(bind_mount(volume)); break;
            case Kind::tmpfs: result.mounts.push_back(tmpfs_mount(volume)); break;
            case Kind::overlay: add_overlay(volume, {volume.source}); break;
            case Kind::anonymous: add_anonymous(volume); break;
        }
    }
    return result;
}

}  // namespace minirun
