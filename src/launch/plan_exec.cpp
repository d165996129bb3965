// Another process in a container that is there.
#include "cgroup/cgroup_steps.hpp"
#include "kernel/names.hpp"
#include "kernel/process.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/plan_process.hpp"
#include "plan/builder.hpp"
#include "security/process_rights.hpp"

namespace minirun {
namespace {

void add_process_namespaces(PlanBuilder& plan) {
    if (const auto* pid = find_namespace(plan.request.spec, NamespaceType::pid))
        plan.host_before(op::JoinPidNamespace{plan.text(pid->path)});
    if (const auto* user = find_namespace(plan.request.spec, NamespaceType::user))
        plan.host_before(op::OpenUserNamespace{plan.text(user->path)});
}

// The mount namespace last: behind it no path leads to the others, and "/" is the container's.
void add_namespaces(PlanBuilder& plan) {
    const auto join = [&](const Namespace& one) {
        plan.child(op::JoinNamespace{plan.text(one.path), clone_flag(one.type)});
    };
    for (const auto& one : plan.request.spec.linux_.namespaces)
        if (one.type != NamespaceType::pid && one.type != NamespaceType::user && one.type != NamespaceType::mount)
            join(one);
    if (needs_own_proc(plan.request.spec.process))
        plan.child(op::MountFilesystem{"proc", "proc", {}, 0, 0, {Slot::none, "", Create::no}, Slot::proc});
    if (const auto* mount = find_namespace(plan.request.spec, NamespaceType::mount)) join(*mount);
}

void add_affinity(PlanBuilder& plan) {
    const auto affinity = plan.request.spec.process.exec_cpu_affinity.value_or(CpuAffinitySpec{});
    const auto& list = affinity.final.empty() ? affinity.initial : affinity.final;
    if (!list.empty())
        plan.child(op::SetAffinity{plan.arena().array(cpu_set(list).value_or(std::vector<std::uint64_t>{}))});
}

}  // namespace

Plan plan_exec(const LaunchRequest& request, const KernelFeatures& features) {
    PlanBuilder plan(request, features);
    add_process_namespaces(plan);
    plan.cgroup = cgroup_of_exec(request, features.cgroups);
    // Never in our memory: a container with CAP_SYS_PTRACE can write to that of a process in its pid namespace.
    plan.clone(op::CloneProcess{0, false, cgroup_of_birth(plan)});

    plan.child(op::Undumpable{});
    if (request.driven.new_keyring) plan.child(op::NewKeyring{});
    add_cgroup_entry(plan);
    add_namespaces(plan);
    add_limits(plan);
    add_affinity(plan);
    if (request.streams.tty) {
        plan.child(op::KeepDirectory{Slot::none, "/dev", Slot::dev, false});
        plan.child(terminal_step(request, false));
    }

    plan.child_final(op::AwaitParent{false});
    add_owned_streams(plan);
    if (find_namespace(request.spec, NamespaceType::user) != nullptr) plan.child_final(op::EnterUserNamespace{});
    add_session(plan);
    plan.child_final(op::CloseDescriptors{3 + request.streams.preserved});
    add_program(plan);
    return plan.finish();
}

}  // namespace minirun
