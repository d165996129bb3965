#include "rootfs/mounts.hpp"

#include <linux/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "rootfs/dev.hpp"
#include "rootfs/root.hpp"

namespace minirun {
namespace {

// The options of a mount, sorted by who takes them: the mount (attributes, propagation) or the file system.
struct SortedOptions {
    std::uint64_t set = 0, clear = 0;
    unsigned long propagation = 0;
    bool recursive_attributes = false;
    bool bind = false, recursive_bind = false, remount = false, copy_up = false;
    Idmap idmap;
    int peer = -1;
    std::vector<FsOption> filesystem;
};

FsOption filesystem_option(PlanBuilder& plan, std::string_view option) {
    // "lowerdir+=…" has its plus sign before the first '='; the value may hold further ones.
    const auto equals = option.find('=');
    if (equals == std::string_view::npos) return {plan.text(option), nullptr};
    return {plan.text(option.substr(0, equals)), plan.text(option.substr(equals + 1))};
}

SortedOptions sort_options(PlanBuilder& plan, const MountSpec& mount) {
    SortedOptions sorted;
    for (const auto& word : mount.options) {
        const auto option = mount_option(word);
        if (!option) {
            sorted.filesystem.push_back(filesystem_option(plan, word));
            continue;
        }
        if (option->idmap) sorted.idmap = {true, option->recursive, -1};
        sorted.set = (sorted.set & ~option->clear) | option->set;
        sorted.clear |= option->clear;
        if (option->propagation != 0) sorted.propagation = static_cast<unsigned long>(option->propagation);
        if (option->recursive && (option->set | option->clear) != 0) sorted.recursive_attributes = true;
        if (option->copy_up) sorted.copy_up = true;
        if (option->remount) sorted.remount = true;
        if (option->bind) sorted.bind = true, sorted.recursive_bind |= option->recursive;
        // ro and rw are left to the mount: a superblock (of sysfs, of a cgroup hierarchy) may be the host's too.
        if (!option->fs_flag.empty() && option->fs_flag != "ro" && option->fs_flag != "rw")
            sorted.filesystem.push_back({plan.text(option->fs_flag), nullptr});
    }
    return sorted;
}

bool has_own_ids(const MountSpec& mount) { return !mount.uid_mappings.empty(); }

Target target_of(PlanBuilder& plan, const MountSpec& mount, Create create) {
    return {Slot::root, plan.text(mount.destination), create};
}

void add_bind(PlanBuilder& plan, const MountSpec& mount, const SortedOptions& options) {
    if (options.idmap.wanted) require_mapped_ids(plan, cat("the ids of the mount ", quote(mount.destination)));
    // A bind mount is private unless asked otherwise, as with every engine: what is mounted inside stays inside.
    const unsigned long propagation = options.propagation != 0 ? options.propagation : MS_PRIVATE;
    // Of the container's own directory (runtime/notify_socket): relative, since the root covers that by then.
    const auto ours = plan.request.container_dir + "/";
    const bool is_ours = plan.request.driven.outlives_minirun && mount.source.starts_with(ours);
    const auto source = is_ours ? mount.source.substr(ours.size()) : mount.source;
    plan.child(op::BindMount{Slot::host, plan.text(source), options.recursive_bind, options.set, options.clear,
                             propagation, options.recursive_attributes, target_of(plan, mount, Create::like_source),
                             options.idmap, options.peer});
}

// Of all that is mounted in a container, only what is mounted in such a place may show on the host: the mount has to
// ask for it and the root, too, which is what engines write for a volume with "rshared".
bool stays_peer(const PlanBuilder& plan, const MountSpec& mount, const SortedOptions& options) {
    const auto& word = plan.request.spec.linux_.rootfs_propagation;
    return (word == "shared" || word == "rshared") && is_bind(mount) && !options.remount &&
           options.propagation == MS_SHARED;
}

// Of the host's hierarchies only the container's own part, where it has one.
std::string visible_cgroup(const PlanBuilder& plan, std::string_view mount) {
    if (plan.cgroup)
        for (const auto& one : plan.cgroup->directories)
            if (one.mount == mount) return one.path;
    return std::string(mount);
}

void add_cgroup_bind(PlanBuilder& plan, std::string_view source, const std::string& target, std::uint64_t set) {
    plan.child(op::BindMount{
        Slot::host, plan.text(source), false, set, 0, 0, false, {Slot::root, plan.text(target), Create::directory}});
}

// "cgroup" is the specification's name for what the host has: cgroup v2, or a tmpfs with a directory for each
// hierarchy of v1. In a cgroup namespace its root is the container's cgroup; without one the container's cgroup is
// bound there, so that it looks the same.
void add_cgroups(PlanBuilder& plan, const MountSpec& mount, const SortedOptions& options) {
    // A new mount made in the host's own cgroup namespace would take nsdelegate and its like off the host's, too.
    if (plan.features.cgroup_unified && !has_new_namespace(plan.request.spec, NamespaceType::cgroup)) {
        add_cgroup_bind(plan, visible_cgroup(plan, "/sys/fs/cgroup"), mount.destination, options.set);
        return;
    }
    if (plan.features.cgroup_unified) {
        add_filesystem_mount(
            plan, {"cgroup2", "cgroup", {}, options.set, 0, target_of(plan, mount, Create::directory), Slot::none});
        return;
    }
    const std::vector<FsOption> tmpfs{{"mode", "755"}, {"size", "0"}};
    add_filesystem_mount(
        plan, {"tmpfs", "tmpfs", plan.arena().array(tmpfs), options.set & ~std::uint64_t{MOUNT_ATTR_RDONLY}, 0,
               target_of(plan, mount, Create::directory), Slot::none});
    for (const auto& hierarchy : plan.features.cgroup_v1) {
        const auto host_mount = cat("/sys/fs/cgroup/", hierarchy.directory);
        const auto source = visible_cgroup(plan, host_mount);
        // The host's cgroup namespace is not a user's to mount anything of.
        const bool can_mount = source == host_mount && plan.features.host_user_namespace;
        if (!can_mount && !has_new_namespace(plan.request.spec, NamespaceType::cgroup)) {
            add_cgroup_bind(plan, source, cat(mount.destination, '/', hierarchy.directory), options.set);
            continue;
        }
        std::vector<FsOption> hierarchy_options;
        for (const auto& option : hierarchy.options) hierarchy_options.push_back(filesystem_option(plan, option));
        const Target target{Slot::root, plan.text(mount.destination + "/" + hierarchy.directory), Create::directory};
        add_filesystem_mount(
            plan, {"cgroup", "cgroup", plan.arena().array(hierarchy_options), options.set, 0, target, Slot::none});
    }
    if ((options.set & MOUNT_ATTR_RDONLY) != 0) plan.child(op::MakeReadonly{target_of(plan, mount, Create::no)});
}

// An overlay of its own (a throw-away view of a directory): its writable layer is in the container's directory.
void add_overlay_mount(PlanBuilder& plan, const MountSpec& mount, const SortedOptions& options, int number) {
    const auto ours = plan.request.container_dir + "/";
    std::vector<std::string> lower;
    std::vector<FsOption> kept;
    const char* topmost = nullptr;
    for (const auto& option : options.filesystem) {
        const std::string_view key = option.key;
        if (key == "lowerdir+" && topmost == nullptr) topmost = option.value;
        if (key == "lowerdir+" && !plan.features.overlay_lowerdir_add) {
            lower.emplace_back(option.value);
            continue;
        }
        kept.push_back(option);
        if (option.value == nullptr || !std::string_view(option.value).starts_with(ours)) continue;
        plan.host_before(op::HostDirectory{option.value, 0700, key == "upperdir" ? topmost : nullptr});
        // Relative: the root covers the container's directory by then.
        kept.back().value = option.value + ours.size();
    }
    if (!lower.empty()) kept.push_back({"lowerdir", plan.text(add_short_names(plan, cat("v", number, "-"), lower))});
    add_filesystem_mount(plan, {"overlay", "overlay", plan.arena().array(kept), options.set, options.propagation,
                                target_of(plan, mount, Create::directory), Slot::none});
}

void add_filesystem(PlanBuilder& plan, const MountSpec& mount, SortedOptions options) {
    // Not for what the kernel labels itself, file by file; and mqueue has been mounted for the namespace already, by
    // the kernel, without.
    const auto& label = plan.request.spec.linux_.mount_label;
    const bool takes_label = !label.empty() && mount.type != "proc" && mount.type != "sysfs";
    if (takes_label && mount.type != "mqueue") options.filesystem.push_back({"context", plan.text(label)});
    Slot keep_as = Slot::none;
    if (mount.destination == "/proc" && mount.type == "proc") keep_as = Slot::proc;
    if (mount.destination == "/sys" && mount.type == "sysfs") keep_as = Slot::sys;
    if (mount.destination == "/dev" && mount.type == "tmpfs") keep_as = Slot::dev;
    auto target = target_of(plan, mount, Create::directory);
    target.no_links = keep_as != Slot::none || mount.type == "proc" || mount.type == "sysfs";
    add_filesystem_mount(plan, {plan.text(mount.type), plan.text(mount.source.empty() ? mount.type : mount.source),
                                plan.arena().array(options.filesystem), options.set, options.propagation, target,
                                keep_as, options.copy_up && mount.type == "tmpfs"});
    if (takes_label && mount.type == "mqueue")
        plan.child(op::LabelMount{target_of(plan, mount, Create::no), plan.bytes(label)});
    if (keep_as == Slot::dev) add_dev(plan, false);
}

// Below /proc and /sys in the file systems that were mounted there, whatever the way to them is in the image: a path
// that is not found is one that this kernel does not have.
std::pair<Slot, std::string_view> place_of(PlanBuilder& plan, std::string_view path) {
    for (const auto& [slot, root, type] : {std::tuple{Slot::proc, "/proc/", "proc"}, {Slot::sys, "/sys/", "sysfs"}}) {
        const std::string_view directory(root, std::strlen(root) - 1);
        const auto& mounts = plan.request.spec.mounts;
        const auto last = std::find_if(mounts.rbegin(), mounts.rend(),
                                       [&](const MountSpec& mount) { return mount.destination == directory; });
        if (path.starts_with(root) && last != mounts.rend() && last->type == type)
            return {slot, path.substr(directory.size() + 1)};
    }
    return {Slot::root, path};
}

// As mount(2) takes it. The flags of a superblock are words here, too: file systems that know fsconfig(2) hand them on.
// SELinux takes quotes off, for the commas in its labels.
std::string mount_data(const op::MountFilesystem& mount) {
    constexpr std::size_t most = 4095;  // a page, with the NUL
    std::string data;
    for (const auto& option : mount.options) {
        data += cat(data.empty() ? "" : ",", option.key);
        if (option.value == nullptr) continue;
        const std::string_view value = option.value;
        const bool label = std::string_view(option.key) == "context" && !value.starts_with('"');
        if (value.find(label ? '"' : ',') != std::string_view::npos && !value.starts_with('"'))
            throw Error(ErrorKind::unsupported,
                        cat("this kernel lacks fsopen, and mount(2) cannot be told the option ",
                            quote(cat(option.key, '=', value)), " of ", quote(mount.target.path)),
                        "choose a value without a comma in it");
        data += label ? cat("=\"", option.value, '"') : cat('=', option.value);
    }
    if (data.size() > most)
        throw Error(ErrorKind::unsupported, cat("mount(2) does not take options as long as those of ", mount.type,
                                                " on ", quote(mount.target.path), ", and this kernel lacks fsopen"));
    return data;
}

}  // namespace

void add_filesystem_mount(PlanBuilder& plan, op::MountFilesystem mount) {
    if (!plan.features.filesystem_contexts) mount.mount_data = plan.text(mount_data(mount));
    plan.child(mount);
}

bool has_mount_at(const ContainerSpec& spec, std::string_view destination) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [&](const MountSpec& mount) { return mount.destination == destination; });
}

void add_idmaps(PlanBuilder& plan) {
    for (const auto& mount : plan.request.spec.mounts)
        if (has_own_ids(mount))
            plan.host_before(
                op::MakeIdmap{plan.arena().array(mount.uid_mappings), plan.arena().array(mount.gid_mappings)});
}

void add_peers(PlanBuilder& plan) {
    for (const auto& mount : plan.request.spec.mounts)
        if (const auto options = sort_options(plan, mount); stays_peer(plan, mount, options))
            plan.host_before(op::ClonePeer{plan.text(mount.source), options.recursive_bind});
}

void add_mounts(PlanBuilder& plan) {
    if (const auto& label = plan.request.spec.linux_.mount_label; !label.empty() && !plan.features.selinux)
        throw Error(ErrorKind::unsupported,
                    cat("this host has no SELinux, and the mounts are to have the label ", quote(label)),
                    "take .linux.mountLabel out");
    int number = 0, idmap = 0, peer = 0;
    for (const auto& mount : plan.request.spec.mounts) {
        auto options = sort_options(plan, mount);
        if (has_own_ids(mount)) options.idmap = {true, options.idmap.recursive, idmap++};
        if (stays_peer(plan, mount, options)) options.peer = peer++;
        if (options.remount)
            plan.child(op::ChangeMount{target_of(plan, mount, Create::no), options.set, options.clear,
                                       options.recursive_attributes});
        else if (options.bind || mount.type == "bind")
            add_bind(plan, mount, options);
        else if (mount.type == "cgroup" || mount.type == "cgroup2")
            add_cgroups(plan, mount, options);
        else if (mount.type == "mqueue" && !plan.features.mqueue)
            continue;
        else if (mount.type == "overlay")
            add_overlay_mount(plan, mount, options, number++);
        else
            add_filesystem(plan, mount, options);
    }
    add_dev_of_image(plan);
    add_other_devices(plan);
}

void add_provided_place(PlanBuilder& plan) {
    // Attached, because before Linux 6.15 only an attached mount can be the source of a bind; where the root is going
    // to cover it. Bounded, because the container may write to the files. And not to be found in a volume that holds
    // minirun's own data, nor what covers it: there the container's /proc would be without masks.
    const std::vector<FsOption> tmpfs{{"mode", "755"}, {"size", "1m"}, {"nr_inodes", "16"}};
    add_filesystem_mount(
        plan,
        {"tmpfs", "tmpfs", plan.arena().array(tmpfs), 0, MS_UNBINDABLE, {Slot::host, ".", Create::no}, Slot::provided});
}

void add_provided(PlanBuilder& plan) {
    plan.child(op::SetMountPropagation{Slot::provided, MS_PRIVATE});
    const std::uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                                     (plan.request.spec.root.readonly ? MOUNT_ATTR_RDONLY : 0u);
    for (const auto& file : plan.request.etc_files) {
        const char* name = plan.text(file.path.substr(file.path.rfind('/') + 1));
        plan.child(op::WriteFile{Slot::provided, name, plan.bytes(file.text), 0644});
        plan.child(op::BindMount{
            Slot::provided, name, false, attributes, 0, 0, false, {Slot::root, plan.text(file.path), Create::file}});
    }
}

void add_directories(PlanBuilder& plan) {
    for (const auto& path : plan.request.ensure_directories)
        plan.child(op::MakeDirectory{Slot::root, plan.text(path), 0755});
}

void add_masks(PlanBuilder& plan) {
    const auto& spec = plan.request.spec.linux_;
    if (!spec.masked_paths.empty()) {
        plan.child(op::MakeDirectory{Slot::provided, "empty", 0555});
        add_null_device(plan, Slot::provided, "null");
    }
    for (const auto& path : spec.masked_paths) {
        const auto [at, below] = place_of(plan, path);
        plan.child(op::MaskPath{at, plan.text(below)});
    }
    for (const auto& path : spec.readonly_paths) {
        const auto [at, below] = place_of(plan, path);
        plan.child(op::ReadonlyPath{at, plan.text(below)});
    }
}

}  // namespace minirun
