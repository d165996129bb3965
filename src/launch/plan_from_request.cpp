#include "launch/plan_from_request.hpp"

#include <linux/mount.h>
#include <sched.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "kernel/process.hpp"
#include "launch/hooks.hpp"
#include "launch/plan_process.hpp"
#include "minirun/error.hpp"
#include "model/container_state.hpp"
#include "model/runtime_spec.hpp"
#include "model/sysctl.hpp"
#include "network/netavark.hpp"
#include "network/pasta.hpp"
#include "plan/builder.hpp"
#include "rootfs/mounts.hpp"
#include "rootfs/root.hpp"
#include "security/process_rights.hpp"

namespace minirun {
namespace {

void add_time_namespace(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!has_new_namespace(spec, NamespaceType::time)) return;
    const auto monotonic = spec.linux_.monotonic_offset.value_or(TimeOffset{});
    const auto boottime = spec.linux_.boottime_offset.value_or(TimeOffset{});
    plan.host_before(
        op::TimeNamespace{monotonic.seconds, boottime.seconds, monotonic.nanoseconds, boottime.nanoseconds});
}

struct Ownable {
    NamespaceType type;
    Slot slot;
};
constexpr Ownable ownable[] = {
    {NamespaceType::network, Slot::network}, {NamespaceType::ipc, Slot::ipc}, {NamespaceType::uts, Slot::uts}};

// Engines' users expect that root in a user namespace can set up the network, mount, and so on. Of minirun's own
// containers the host keeps these.
bool owns_namespaces(const PlanBuilder& plan) {
    return plan.request.driven.outlives_minirun && has_new_namespace(plan.request.spec, NamespaceType::user);
}

std::uint64_t owned_flags(const PlanBuilder& plan) {
    std::uint64_t flags = 0;
    if (!owns_namespaces(plan)) return flags;
    for (const auto& one : ownable)
        if (has_new_namespace(plan.request.spec, one.type)) flags |= clone_flag(one.type);
    return flags;
}

void add_user_namespace(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    const auto* wanted = find_namespace(spec, NamespaceType::user);
    if (wanted == nullptr) return;
    if (!wanted->path.empty())
        plan.host_before(op::OpenUserNamespace{plan.text(wanted->path)});
    else
        plan.host_before(op::MakeUserNamespace{plan.arena().array(spec.linux_.uid_mappings),
                                               plan.arena().array(spec.linux_.gid_mappings), owned_flags(plan)});
}

void add_joined_pid_namespace(PlanBuilder& plan) {
    const auto* wanted = find_namespace(plan.request.spec, NamespaceType::pid);
    if (wanted != nullptr && !wanted->path.empty()) plan.host_before(op::JoinPidNamespace{plan.text(wanted->path)});
}

void add_clone(PlanBuilder& plan) {
    std::uint64_t flags = CLONE_NEWNS;  // always: nothing is ever mounted in the host's namespace
    for (const auto& one : plan.request.spec.linux_.namespaces) {
        // A time namespace is entered by being born into it: the parent makes it (time_namespaces(7)). The user
        // namespace comes last, see op::EnterUserNamespace.
        // Nor is a cgroup namespace by the clone where the child has to enter cgroups first.
        const bool late_cgroups = one.type == NamespaceType::cgroup && plan.cgroup;
        const bool by_clone = one.type != NamespaceType::time && one.type != NamespaceType::user && !late_cgroups;
        if (one.path.empty() && by_clone) flags |= clone_flag(one.type);
    }
    flags &= ~owned_flags(plan);
    plan.clone(op::CloneProcess{flags, can_share_memory(plan.request), cgroup_of_birth(plan)});
}

void add_joined_namespaces(PlanBuilder& plan) {
    for (const auto& one : ownable)
        if ((owned_flags(plan) & clone_flag(one.type)) != 0) plan.child(op::EnterOwned{one.slot, clone_flag(one.type)});
    for (const auto& one : plan.request.spec.linux_.namespaces) {
        const bool in_its_own_way = one.type == NamespaceType::user || one.type == NamespaceType::pid;
        if (!one.path.empty() && !in_its_own_way)
            plan.child(op::JoinNamespace{plan.text(one.path), clone_flag(one.type)});
    }
}

// Mounts of the host may still come in while the tree is made (and go again: a slave does not pin them), none may go
// out.
void add_propagation(PlanBuilder& plan) { plan.child(op::SetPropagation{MS_REC | MS_SLAVE}); }

void add_names_and_network(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!spec.hostname.empty()) plan.child(op::SetHostname{plan.bytes(spec.hostname)});
    if (!spec.domainname.empty()) plan.child(op::SetDomainname{plan.bytes(spec.domainname)});
    if (plan.request.loopback_up && has_new_namespace(spec, NamespaceType::network)) plan.child(op::LoopbackUp{});
}

// Before /proc/sys becomes read-only, and through the descriptor of our own procfs.
void add_sysctls(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    auto sysctls = spec.linux_.sysctl;
    // The network namespace belongs to the host's user namespace, where the container has no CAP_NET_BIND_SERVICE.
    if (!owns_namespaces(plan) && has_new_namespace(spec, NamespaceType::user) &&
        has_new_namespace(spec, NamespaceType::network))
        sysctls.try_emplace("net.ipv4.ip_unprivileged_port_start", "0");
    const bool needs_proc = !sysctls.empty() || needs_own_proc(spec.process);
    const bool has_proc = std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const MountSpec& mount) {
        return mount.destination == "/proc" && mount.type == "proc";
    });
    if (needs_proc && !has_proc)
        add_filesystem_mount(plan, {"proc", "proc", {}, 0, 0, {Slot::none, "", Create::no}, Slot::proc});
    for (const auto& [key, value] : sysctls) {
        const auto path = sysctl_path(key);
        if (!path) throw Error(ErrorKind::bad_input, cat("the sysctl ", quote(key), " is not valid"));
        plan.child(op::WriteSysctl{plan.text("sys/" + *path), plan.bytes(value)});
    }
}

void add_terminal(PlanBuilder& plan) {
    if (!plan.request.streams.tty) return;
    // A /dev that is not ours: the host's, bound there.
    const auto& mounts = plan.request.spec.mounts;
    const bool is_ours = std::none_of(mounts.begin(), mounts.end(), [](const MountSpec& mount) {
        return mount.destination == "/dev" && mount.type != "tmpfs";
    });
    if (!is_ours) plan.child(op::KeepDirectory{Slot::root, "dev", Slot::dev, false});
    plan.child(terminal_step(plan.request, true));
}

// What the parent does when the child is in its namespaces and its tree is made, before it is pivoted to.
bool has_work_beside(const ContainerSpec& spec) {
    const auto& hooks = spec.hooks;
    return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty() ||
           !spec.linux_.net_devices.empty();
}

// All but the user namespace, which is entered in its own way, and that of time, which would be for children only.
std::uint64_t own_namespaces(const ContainerSpec& spec) {
    std::uint64_t flags = CLONE_NEWNS;
    for (const auto& one : spec.linux_.namespaces)
        if (one.type != NamespaceType::user && one.type != NamespaceType::time) flags |= clone_flag(one.type);
    return flags;
}

// runtime.md "Lifecycle", steps 3 to 5.
void add_hooks(PlanBuilder& plan) {
    const auto& hooks = plan.request.spec.hooks;
    const auto& request = plan.request;
    const auto state = hook_state(request.spec, request.id, request.driven.bundle, ContainerStatus::creating);
    const auto add = [&](const char* kind, const std::vector<Hook>& list, std::uint64_t namespaces) {
        for (const auto& hook : list) {
            auto step = hook_step(plan.arena(), kind, hook, state, plan.request.driven.bundle);
            step.namespaces = namespaces;
            plan.host_after(step);
        }
    };
    add("prestart", hooks.prestart, 0);
    add("createRuntime", hooks.create_runtime, 0);
    add("createContainer", hooks.create_container, own_namespaces(plan.request.spec));
}

}  // namespace

KernelFeatures features_for(const LaunchRequest& request) {
    auto features = probe_kernel();
    if (wants_cgroup(request)) features.cgroups = probe_cgroups();
    return features;
}

void check_kernel(const KernelFeatures& features) {
    if (!features.missing.empty())
        throw Error(
            ErrorKind::unsupported,
            cat("this kernel (", features.release, ") lacks ", join(features.missing, ", "), ", which minirun needs"),
            "Linux 5.12 or newer has them; inside another container its seccomp profile may forbid them");
    if (!features.overlay)
        throw Error(ErrorKind::unsupported, "this kernel has no overlay file system", "modprobe overlay");
}

Plan plan_from_request(const LaunchRequest& request, const KernelFeatures& features) {
    PlanBuilder plan(request, features);
    const auto& driven = request.driven;

    // On the host: what the container's directory holds. Undone when the container is gone.
    add_time_namespace(plan);
    add_user_namespace(plan);
    add_cgroup(plan);
    add_idmaps(plan);
    add_peers(plan);
    // Last: no helper of ours may be born among the processes of another container.
    add_joined_pid_namespace(plan);
    add_clone(plan);

    // On the host, beside the child.
    plan.host_after(
        op::RecordProcess{plan.text(request.process_record), has_new_namespace(request.spec, NamespaceType::pid)});
    if (request.keeps_mounts) plan.host_after(op::KeepMounts{});
    if (has_work_beside(request.spec)) plan.host_after(op::AwaitChild{});
    for (const auto& [device, name] : request.spec.linux_.net_devices)
        plan.host_after(op::MoveNetDevice{plan.text(device), plan.text(name)});
    add_hooks(plan);
    add_pasta(plan);
    add_bridges(plan);

    // In the child, still seeing the host: its namespaces, then the tree from the root to the leaves.
    plan.child(op::Undumpable{});
    if (driven.new_keyring) plan.child(op::NewKeyring{});
    if (!driven.outlives_minirun) plan.child(op::DieWithParent{});
    add_cgroup_entry(plan);
    add_joined_namespaces(plan);
    add_propagation(plan);
    add_root(plan);
    add_mounts(plan);
    add_provided(plan);
    add_directories(plan);
    add_names_and_network(plan);
    add_sysctls(plan);
    add_limits(plan);
    add_masks(plan);
    add_terminal(plan);
    add_late_cgroup_entry(plan);

    // Out of the host, and then down to what the process may have.
    plan.child_final(op::AwaitParent{has_work_beside(request.spec)});
    add_owned_streams(plan);
    plan.child_final(op::PivotRoot{!driven.pivot_root});
    add_root_finish(plan);
    if (find_namespace(request.spec, NamespaceType::user) != nullptr) plan.child_final(op::EnterUserNamespace{});
    if (owns_namespaces(plan)) plan.child_final(op::OwnMounts{});
    add_session(plan);
    plan.child_final(op::CloseDescriptors{3 + request.streams.preserved});
    add_program(plan);
    return plan.finish();
}

}  // namespace minirun
