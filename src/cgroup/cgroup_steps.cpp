#include "cgroup/cgroup_steps.hpp"

#include <linux/capability.h>

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/device_rules.hpp"
#include "cgroup/settings.hpp"
#include "cgroup/systemd_unit.hpp"
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

bool limits_anything(const ContainerSpec& spec) {
    auto others = spec.linux_.resources;
    others.devices.clear();
    return others != Resources{};
}

bool asks_for_limits(const ContainerSpec& spec) { return limits_anything(spec) || needs_device_rules(spec); }

// In which hierarchies of v1 a container of `minirun run` has to be: where it is limited, and where it is counted what
// the verdict tells, or its time limit goes by. Each takes a third of a millisecond.
std::vector<std::string> controllers_of(const LaunchRequest& request, const CgroupSettings& settings) {
    std::set<std::string> all;
    if (request.accounting) all = {"memory", "cpu", "cpuacct", "pids", "blkio"};
    if (request.supervision.cpu_time) all.insert("cpuacct");
    for (const auto& one : settings.list) all.insert(one.controller);
    if (needs_device_rules(request.spec)) all.insert("devices");
    return {all.begin(), all.end()};
}

CgroupSettings settings_of(const LaunchRequest& request, const CgroupLayout& layout) {
    return cgroup_settings(request.spec.linux_.resources, layout, "", resources_path);
}

// The cgroup of the user's own systemd: what it has been given, and what our own is below. Empty for the system's.
std::string manager_cgroup(const LaunchRequest& request, const CgroupLayout& layout) {
    if (request.cgroup_manager != CgroupManager::user_systemd) return "";
    const auto* hierarchy = layout.v2() != nullptr ? layout.v2() : layout.find("name=systemd");
    const auto own = hierarchy == nullptr ? std::string() : hierarchy->own;
    const auto user = own.find("/user@");
    const auto end = own.find(".service", user);
    if (user == std::string::npos || end == std::string::npos)
        throw Error(ErrorKind::unsupported, "there is no systemd of this user's own above minirun",
                    "start it in a session of systemd: systemd-run --user --scope");
    return own.substr(0, end + std::string_view(".service").size());
}

bool is_systemds(const LaunchRequest& request) { return request.cgroup_manager != CgroupManager::files; }

SystemdUnit unit_of(const LaunchRequest& request, const CgroupLayout& layout) {
    return systemd_unit(request.spec.linux_.cgroups_path, request.id, manager_cgroup(request, layout));
}

std::string name_of(const LaunchRequest& request, const CgroupLayout& layout) {
    return is_systemds(request) ? unit_of(request, layout).cgroup
                                : cgroup_name(request.spec.linux_.cgroups_path, request.id);
}

void add_scope(PlanBuilder& plan) {
    // On v1 the process is not born in the scope, which would end before it has come there.
    if (!plan.features.cgroups.unified())
        throw Error(ErrorKind::unsupported, "the systemd manager of cgroups needs a host with cgroup v2 alone",
                    "use --cgroup-manager cgroupfs");
    const auto unit = unit_of(plan.request, plan.features.cgroups);
    std::vector<std::string> words{"start", unit.name, unit.slice, "", cat("minirun container ", plan.request.id)};
    if (plan.request.cgroup_manager == CgroupManager::user_systemd) words.insert(words.begin(), "--user");
    for (const auto& property : systemd_properties(plan.request.spec.linux_.resources)) words.push_back(property);
    std::vector<const char*> texts;
    for (const auto& word : words) texts.push_back(plan.text(word));
    plan.host_before(op::StartScope{plan.text(unit.name), plan.arena().array(texts)});
    plan.host_after(op::ReleaseScope{});
}

void add_directories(PlanBuilder& plan) {
    for (const auto& one : plan.cgroup->directories) {
        // systemd has made its own.
        if (is_systemds(plan.request) && (one.v2 || one.has("name=systemd"))) continue;
        plan.host_before(op::MakeCgroup{plan.text(one.mount), plan.text(one.path), one.v2});
    }
}

void add_devices(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    const auto& place = *plan.cgroup;
    const bool wanted = plan.request.cgroup == CgroupUse::when_asked ? needs_device_rules(spec)
                                                                     : !spec.linux_.resources.devices.empty();
    // Where nobody can make a node, there are only those that were put there.
    if (!wanted || !plan.features.host_user_namespace) return;
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

// config-linux.md "Cgroup ownership". Of cgroup v2 alone: what is handed over of v1 is not safe from its new owner.
bool is_delegated(const ContainerSpec& spec) {
    return has_new_namespace(spec, NamespaceType::cgroup) &&
           std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const MountSpec& mount) {
               const auto& options = mount.options;
               return mount.destination == "/sys/fs/cgroup" && (mount.type == "cgroup" || mount.type == "cgroup2") &&
                      std::find(options.begin(), options.end(), "ro") == options.end();
           });
}

void add_delegation(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!plan.cgroup->unified() || !is_delegated(spec)) return;
    // What a namespace that is only joined makes of the user is not known.
    const auto& mappings = spec.linux_.uid_mappings;
    if (mappings.empty() && find_namespace(spec, NamespaceType::user) != nullptr) return;
    const auto uid = mapped_id(mappings, spec.process.user.uid);
    if (uid != 0) plan.host_before(op::DelegateCgroup{plan.text(plan.cgroup->directories[0].path), uid});
}

bool is_little(const std::optional<std::int64_t>& limit) { return limit && *limit > 0 && *limit < little_memory; }

bool has_little_memory(const PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    return is_little(spec.linux_.resources.memory.limit) && has_new_namespace(spec, NamespaceType::mount);
}

const char* tasks_of(PlanBuilder& plan, const std::string& path) { return plan.text(path + "/tasks"); }

}  // namespace

bool memory_may_run_out_early(const LinuxSpec& spec) {
    const auto& memory = spec.resources.memory;
    const auto& unified = spec.resources.unified;
    const auto& place = spec.cgroups_path;
    const bool has_parent = !place.empty() && (!place.starts_with('/') || place.find('/', 1) != std::string::npos);
    return has_parent || is_little(memory.limit) || is_little(memory.swap) ||
           std::any_of(unified.begin(), unified.end(),
                       [](const auto& entry) { return entry.first.starts_with("memory."); });
}

bool wants_cgroup(const LaunchRequest& request) {
    if (request.cgroup != CgroupUse::when_asked) return request.cgroup != CgroupUse::never;
    return request.accounting || request.supervision.cpu_time || !request.spec.linux_.cgroups_path.empty() ||
           asks_for_limits(request.spec);
}

std::optional<CgroupPlace> cgroup_of(const LaunchRequest& request, const CgroupLayout& layout) {
    if (!wants_cgroup(request)) return std::nullopt;
    const bool is_luxury = request.cgroup == CgroupUse::where_allowed || request.accounting;
    const bool may_go_without = is_luxury && !request.supervision.cpu_time && !limits_anything(request.spec);
    if (layout.hierarchies.empty() && may_go_without) return std::nullopt;
    if (layout.hierarchies.empty())
        throw Error(ErrorKind::unsupported, "this host has no cgroups mounted, which limits need",
                    "mount -t cgroup2 none /sys/fs/cgroup, or leave the limits away");
    const auto controllers = request.cgroup == CgroupUse::when_asked
                                 ? controllers_of(request, settings_of(request, layout))
                                 : std::vector<std::string>{};
    const auto place = cgroup_place(layout, name_of(request, layout), controllers);
    const bool denied = request.cgroup == CgroupUse::where_allowed && !is_systemds(request) && !may_be_made(place);
    if (denied && !may_go_without)
        throw Error(ErrorKind::not_permitted,
                    cat("the limits need a cgroup, and this user cannot make ", quote(place.name)),
                    "have systemd make it: --systemd-cgroup; or leave the limits away");
    return denied ? std::nullopt : std::optional(place);
}

std::optional<CgroupPlace> cgroup_of_exec(const LaunchRequest& request, const CgroupLayout& layout) {
    auto place = cgroup_of(request, layout);
    const auto& below = request.driven.cgroup_below;
    if (below.empty()) return place;
    const auto parts = split(below, '/');
    const bool leaves = std::find(parts.begin(), parts.end(), "..") != parts.end();
    if (leaves || below.find(':') != std::string::npos)
        throw Error(ErrorKind::usage, cat("--cgroup takes a path below the container's cgroup, not ", quote(below)));
    if (!place) throw Error(ErrorKind::conflict, "the container has no cgroup, and --cgroup names one below it");
    bool found = false;
    for (auto& one : place->directories) {
        const auto path = cat(one.path, below.starts_with('/') ? "" : "/", below);
        if (::access(path.c_str(), F_OK) < 0) continue;
        one.path = path;
        found = true;
    }
    if (!found)
        throw Error(ErrorKind::not_found, cat("there is no cgroup ", quote(below), " below the container's"),
                    "make it first: it is a directory");
    return place;
}

std::vector<std::string> cgroup_notices(const LaunchRequest& request, const CgroupLayout& layout) {
    return wants_cgroup(request) ? settings_of(request, layout).notices : std::vector<std::string>{};
}

void add_cgroup(PlanBuilder& plan) {
    const auto& layout = plan.features.cgroups;
    plan.cgroup = cgroup_of(plan.request, layout);
    if (!plan.cgroup) return;
    const auto& place = *plan.cgroup;
    plan.host_before(
        op::HostSymlink{plan.text(cat(plan.request.container_dir, '/', cgroup_record)), plan.text(place.name)});
    if (is_systemds(plan.request)) add_scope(plan);
    add_directories(plan);
    for (const auto& one : settings_of(plan.request, layout).list) {
        const auto* directory = place.find(one.controller);
        plan.host_before(
            op::SetCgroup{plan.text(cat(directory->path, '/', one.file)), plan.bytes(one.value), plan.text(one.key)});
    }
    add_devices(plan);
    add_delegation(plan);
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
