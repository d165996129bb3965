#include "cgroup/cgroup_steps.hpp"

#include <linux/capability.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/device_rules.hpp"
#include "cgroup/settings.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* resources_path = ".linux.resources";

// What the mounts of a container take of the kernel's memory is counted as its own, if it is in its cgroup by then.
constexpr std::int64_t little_memory = 16 << 20;

bool can_make_devices(const ContainerSpec& spec) {
    if (!spec.process.capabilities) return false;
    const auto& bounding = spec.process.capabilities->bounding;
    return std::any_of(bounding.begin(), bounding.end(),
                       [](const std::string& name) { return capability_number(name) == CAP_MKNOD; });
}

// "Deny all", as `runc spec` writes it, is so without a cgroup: no node of the container works but those in its /dev,
// all other mounts being nodev, and it can make none.
bool needs_device_rules(const ContainerSpec& spec) {
    const auto& rules = spec.linux_.resources.devices;
    const DeviceRule deny_all;
    return rules.size() > 1 ||
           (rules.size() == 1 && (rules[0] != deny_all || can_make_devices(spec) || !spec.linux_.devices.empty()));
}

bool asks_for_limits(const ContainerSpec& spec) {
    auto others = spec.linux_.resources;
    others.devices.clear();
    return others != Resources{} || needs_device_rules(spec);
}

// In which hierarchies of v1 a container of `minirun run` has to be: where it is limited, and where it is counted what
// the verdict tells. Each costs a little.
std::vector<std::string> controllers_of(const ContainerSpec& spec, const CgroupSettings& settings) {
    std::set<std::string> all{"memory", "cpu", "cpuacct", "pids"};
    for (const auto& one : settings.list) all.insert(one.controller);
    if (needs_device_rules(spec)) all.insert("devices");
    return {all.begin(), all.end()};
}

CgroupSettings settings_of(const LaunchRequest& request, const CgroupLayout& layout) {
    return cgroup_settings(request.spec.linux_.resources, layout, "", resources_path);
}

void add_devices(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    const auto& place = *plan.cgroup;
    const bool wanted =
        plan.request.cgroup == CgroupUse::always ? !spec.linux_.resources.devices.empty() : needs_device_rules(spec);
    if (!wanted) return;
    const auto rules = with_default_devices(spec.linux_.resources.devices);
    const auto where = cat(resources_path, ".devices");
    if (place.unified()) {
        plan.host_before(
            op::LimitDevices{plan.text(place.directories[0].path), plan.arena().array(device_program(rules))});
        return;
    }
    const auto* directory = place.find("devices");
    if (directory == nullptr)
        throw Error(ErrorKind::unsupported,
                    cat(where, " needs the cgroup controller devices, which this host does not have"),
                    "leave the rules away, or boot a kernel that has the controller and mounts it");
    for (const auto& line : device_lines(rules, where))
        plan.host_before(op::SetCgroup{plan.text(cat(directory->path, line.allow ? "/devices.allow" : "/devices.deny")),
                                       plan.bytes(line.text), plan.text(where)});
}

bool has_little_memory(const PlanBuilder& plan) {
    const auto limit = plan.request.spec.linux_.resources.memory.limit.value_or(0);
    return limit > 0 && limit < little_memory;
}

const char* tasks_of(PlanBuilder& plan, const std::string& path) { return plan.text(path + "/tasks"); }

}  // namespace

bool limits_memory(const Resources& resources) {
    const auto& unified = resources.unified;
    return resources.memory.limit.value_or(0) > 0 || resources.memory.swap.value_or(0) > 0 ||
           std::any_of(unified.begin(), unified.end(),
                       [](const auto& entry) { return entry.first.starts_with("memory."); });
}

bool wants_cgroup(const LaunchRequest& request) {
    if (request.cgroup != CgroupUse::when_asked) return request.cgroup == CgroupUse::always;
    return !request.spec.linux_.cgroups_path.empty() || asks_for_limits(request.spec);
}

std::optional<CgroupPlace> cgroup_of(const LaunchRequest& request, const CgroupLayout& layout) {
    if (!wants_cgroup(request)) return std::nullopt;
    if (layout.hierarchies.empty())
        throw Error(ErrorKind::unsupported, "this host has no cgroups mounted, which limits need",
                    "mount -t cgroup2 none /sys/fs/cgroup, or leave the limits away");
    const auto controllers = request.cgroup == CgroupUse::always
                                 ? std::vector<std::string>{}
                                 : controllers_of(request.spec, settings_of(request, layout));
    return cgroup_place(layout, cgroup_name(request.spec.linux_.cgroups_path, request.id), controllers);
}

void add_cgroup(PlanBuilder& plan) {
    const auto& layout = plan.features.cgroups;
    plan.cgroup = cgroup_of(plan.request, layout);
    if (!plan.cgroup) return;
    const auto& place = *plan.cgroup;
    plan.host_before(
        op::HostSymlink{plan.text(cat(plan.request.container_dir, '/', cgroup_record)), plan.text(place.name)});
    for (const auto& one : place.directories)
        plan.host_before(op::MakeCgroup{plan.text(one.mount), plan.text(one.path), one.v2});
    for (const auto& one : settings_of(plan.request, layout).list) {
        const auto* directory = place.find(one.controller);
        plan.host_before(
            op::SetCgroup{plan.text(cat(directory->path, '/', one.file)), plan.bytes(one.value), plan.text(one.key)});
    }
    add_devices(plan);
}

const char* cgroup_of_birth(PlanBuilder& plan) {
    const auto* v2 = plan.cgroup ? plan.cgroup->v2() : nullptr;
    return v2 == nullptr ? nullptr : plan.text(v2->path);
}

// With little memory the child goes out of the memory's hierarchy again, when its cgroup namespace has been made from
// where it was, and back in when all mounts are made: what the kernel needs for them is more than 512 KiB. On v2 nobody
// can go in and out as lightly.
void add_cgroup_entry(PlanBuilder& plan) {
    if (!plan.cgroup) return;
    for (const auto& one : plan.cgroup->directories)
        if (!one.v2) plan.child(op::EnterCgroup{tasks_of(plan, one.path)});
    if (has_new_namespace(plan.request.spec, NamespaceType::cgroup)) plan.child(op::NewCgroupNamespace{});
    const auto* memory = plan.features.cgroups.find("memory");
    if (has_little_memory(plan) && memory != nullptr && !memory->v2)
        plan.child(op::EnterCgroup{tasks_of(plan, memory->mount + (memory->own == "/" ? "" : memory->own))});
}

void add_late_cgroup_entry(PlanBuilder& plan) {
    const auto* memory = plan.cgroup ? plan.cgroup->find("memory") : nullptr;
    if (has_little_memory(plan) && memory != nullptr && !memory->v2)
        plan.child(op::EnterCgroup{tasks_of(plan, memory->path)});
}

}  // namespace minirun
