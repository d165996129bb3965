#include "rootfs/root.hpp"

#include <linux/mount.h>

#include <algorithm>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "rootfs/mounts.hpp"

namespace minirun {
namespace {

// Where the writable layer is, as overlayfs is told: relative to the container's directory, so that no path of the
// host shows in the container's /proc/self/mountinfo.
struct UpperNames {
    std::string upper, work;
};

bool maps_ids(const PlanBuilder& plan) { return has_new_namespace(plan.request.spec, NamespaceType::user); }

// A place below the container's directory where `source` shows with mapped ids.
std::string add_idmapped(PlanBuilder& plan, const std::string& source, const std::string& name) {
    require_mapped_ids(plan, "--userns: the ids of files");
    plan.host_before(op::HostDirectory{plan.text(plan.request.container_dir + "/" + name), 0700});
    plan.child(op::BindIdmapped{plan.text(source), plan.text(name)});
    return name;
}

UpperNames add_disk_upper(PlanBuilder& plan) {
    const auto& dir = plan.request.container_dir;
    plan.host_before(op::HostDirectory{plan.text(dir + "/upper"), 0755});
    plan.host_before(op::HostDirectory{plan.text(dir + "/work"), 0700});
    if (!maps_ids(plan)) return {"upper", "work"};
    const auto mapped = add_idmapped(plan, ".", "mapped");
    return {mapped + "/upper", mapped + "/work"};
}

UpperNames add_memory_upper(PlanBuilder& plan) {
    const auto& dir = plan.request.container_dir;
    plan.host_before(op::HostDirectory{plan.text(dir + "/memory"), 0700});
    std::vector<FsOption> options{{"mode", "0700"}};
    if (const auto size = plan.request.root.memory_upper_size) {
        options.push_back({"size", plan.text(cat(*size))});
        options.push_back({"nr_inodes", plan.text(cat(files_within(*size)))});
    }
    add_filesystem_mount(
        plan, {"tmpfs", "tmpfs", plan.arena().array(options), 0, 0, {Slot::host, "memory", Create::no}, Slot::upper});
    plan.child(op::MakeDirectory{Slot::upper, "upper", 0755});
    plan.child(op::MakeDirectory{Slot::upper, "work", 0700});
    if (plan.request.keeps_upper) plan.child(op::HandOverUpper{Slot::upper});
    return {"memory/upper", "memory/work"};
}

// The layer below all others of a root that cannot be written to: the mount points that the image lacks. An overlay
// without a writable layer takes no single lower directory, so it may be empty too.
void add_skeleton(PlanBuilder& plan, std::vector<std::string>& topmost_first) {
    const auto& missing = plan.request.root.missing_targets;
    if (missing.empty() && topmost_first.size() > 1) return;
    const auto skeleton = plan.request.container_dir + "/skeleton";
    plan.host_before(op::HostDirectory{plan.text(skeleton), 0755});
    for (const auto& target : missing) {
        if (const auto slash = target.path.rfind('/'); slash > 0)
            plan.host_before(op::HostDirectory{plan.text(skeleton + target.path.substr(0, slash)), 0755});
        const auto* path = plan.text(skeleton + target.path);
        if (target.directory)
            plan.host_before(op::HostDirectory{path, 0755});
        else
            plan.host_before(op::HostFile{path});
    }
    topmost_first.emplace_back("skeleton");
}

// A place in the container's directory where the layer has been copied to.
std::string add_copy(PlanBuilder& plan, const std::string& layer, std::size_t number) {
    auto name = cat("copy", number);
    plan.host_before(op::CopyLayer{plan.text(layer), plan.text(plan.request.container_dir + "/" + name)});
    return name;
}

void add_overlay(PlanBuilder& plan) {
    const auto& request = plan.request;
    std::vector<std::string> layers;
    for (auto layer = request.root.layers.rbegin(); layer != request.root.layers.rend(); ++layer)
        layers.push_back(layer->path);
    if (layers.size() > max_layers)
        throw Error(ErrorKind::unsupported,
                    cat("the image has ", layers.size(), " layers, overlayfs takes at most ", max_layers));

    if (request.root.isolated)
        for (std::size_t i = 0; i < layers.size(); i++) layers[i] = add_copy(plan, layers[i], i);
    const bool writable = request.root.upper != RootSource::Upper::none;
    if (!writable) add_skeleton(plan, layers);
    if (maps_ids(plan))
        for (std::size_t i = 0; i < layers.size(); i++) layers[i] = add_idmapped(plan, layers[i], cat("m", i));
    std::vector<FsOption> options;
    if (writable) {
        const bool in_memory = request.root.upper == RootSource::Upper::memory;
        const auto names = in_memory ? add_memory_upper(plan) : add_disk_upper(plan);
        options.push_back({"upperdir", plan.text(names.upper)});
        options.push_back({"workdir", plan.text(names.work)});
        // A layer that is thrown away with the container: no reason to sync it, neither at fsync(2) nor at the end.
        if (!request.root.reused) options.push_back({"volatile", nullptr});
    }
    // Both would tie the writable layer to these very lower directories; the defaults depend on the kernel's build.
    options.push_back({"index", "off"});
    options.push_back({"metacopy", "off"});

    std::vector<const char*> lower;
    for (const auto& layer : layers) lower.push_back(plan.text(layer));
    const char* mount_data = nullptr;
    if (!plan.features.overlay_lowerdir_add) {
        auto data = "lowerdir=" + add_short_names(plan, "l", layers);
        for (const auto& option : options) {
            data += cat(',', option.key);
            if (option.value != nullptr) data += cat('=', option.value);
        }
        mount_data = plan.text(data);
    }
    // Without a device cgroup it is nodev that keeps the image's own device nodes dead.
    const std::uint64_t attributes = request.privileged ? 0 : MOUNT_ATTR_NODEV;
    plan.child(op::MountOverlay{plan.arena().array(lower), plan.arena().array(options), attributes,
                                plan.text(request.container_dir), mount_data});
}

}  // namespace

void require_mapped_ids(const PlanBuilder& plan, const std::string& what) {
    if (plan.features.mount_setattr) return;
    throw Error(ErrorKind::unsupported,
                cat(what, " cannot be mapped: this kernel (", plan.features.release, ") lacks mount_setattr"),
                "Linux 5.12 or newer has it; inside another container its seccomp profile may forbid it");
}

std::string add_short_names(PlanBuilder& plan, const std::string& prefix, const std::vector<std::string>& paths) {
    std::string names;
    for (std::size_t i = 0; i < paths.size(); i++) {
        const auto name = cat(prefix, i);
        plan.host_before(op::HostSymlink{plan.text(plan.request.container_dir + "/" + name), plan.text(paths[i])});
        names += i == 0 ? name : ":" + name;
    }
    return names;
}

void add_root(PlanBuilder& plan) {
    const auto& request = plan.request;
    // Relative names from here on: the root is going to cover this directory.
    if (!plan.features.filesystem_contexts)
        plan.host_before(op::HostDirectory{plan.text(cat(request.container_dir, '/', op::staging)), 0700});
    plan.child(op::EnterDirectory{Slot::host, plan.text(request.container_dir)});
    // Before the overlay: it does its own work in the writable layer with the rights of whoever mounts it.
    if (maps_ids(plan))
        plan.child(op::CreateAs{mapped_id(request.spec.linux_.uid_mappings, 0),
                                mapped_id(request.spec.linux_.gid_mappings, 0)});
    add_provided_place(plan);
    if (request.root.kind == RootSource::Kind::layers)
        add_overlay(plan);
    else
        // An engine's hooks look for the container's tree where the bundle has it.
        plan.child(
            op::BindRoot{plan.text(request.spec.root.path),
                         plan.text(request.driven.outlives_minirun ? request.spec.root.path : request.container_dir)});
}

void add_root_finish(PlanBuilder& plan) {
    const auto& request = plan.request;
    const bool no_upper =
        request.root.kind == RootSource::Kind::layers && request.root.upper == RootSource::Upper::none;
    if (request.spec.root.readonly && !no_upper) plan.child_final(op::MakeReadonly{{Slot::root, "", Create::no}});
    // Behind pivot_root, which takes no shared mount.
    const auto option = mount_option(request.spec.linux_.rootfs_propagation);
    if (!option || option->propagation == 0) return;
    const auto propagation = static_cast<unsigned long>(option->propagation);
    // Its peer group is a new one, and no longer the slave of the host's.
    if (propagation == MS_SHARED) plan.child_final(op::SetPropagation{MS_PRIVATE});
    plan.child_final(op::SetPropagation{propagation | (option->recursive ? MS_REC : 0ul)});
}

}  // namespace minirun
