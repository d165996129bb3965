#include "launch/plan_from_request.hpp"

#include <linux/mount.h>
#include <sched.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "kernel/process.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec.hpp"
#include "model/sysctl.hpp"
#include "plan/builder.hpp"
#include "rootfs/mounts.hpp"
#include "rootfs/root.hpp"
#include "security/process_rights.hpp"

namespace minirun {
namespace {

std::uint64_t clone_flag(NamespaceType type) {
    switch (type) {
        case NamespaceType::mount: return CLONE_NEWNS;
        case NamespaceType::pid: return CLONE_NEWPID;
        case NamespaceType::network: return CLONE_NEWNET;
        case NamespaceType::uts: return CLONE_NEWUTS;
        case NamespaceType::ipc: return CLONE_NEWIPC;
        case NamespaceType::cgroup: return CLONE_NEWCGROUP;
        case NamespaceType::user: return CLONE_NEWUSER;
        case NamespaceType::time: return CLONE_NEWTIME;
    }
    return 0;
}

void add_time_namespace(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!has_new_namespace(spec, NamespaceType::time)) return;
    const auto monotonic = spec.linux_.monotonic_offset.value_or(TimeOffset{});
    const auto boottime = spec.linux_.boottime_offset.value_or(TimeOffset{});
    plan.host_before(
        op::TimeNamespace{monotonic.seconds, boottime.seconds, monotonic.nanoseconds, boottime.nanoseconds});
}

void add_user_namespace(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (has_new_namespace(spec, NamespaceType::user))
        plan.host_before(op::MakeUserNamespace{plan.arena().array(spec.linux_.uid_mappings),
                                               plan.arena().array(spec.linux_.gid_mappings)});
}

// Until it execs, the child can do its work in the parent's memory: then nothing is copied. Not where it stays there:
// as --init's reaper, which lives beside what the image runs. Not where the kernel ties to the memory what is meant for
// the process: a score for the OOM killer (proc_pid_oom_score_adj(5)), and the clocks (time_namespaces(7); to
// join other ones, a process is to be alone in its memory). Nor with a limit on memory: when that is reached before
// execve, the OOM killer ends all who share the memory, minirun too.
bool can_share_memory(const LaunchRequest& request) {
    const auto& namespaces = request.spec.linux_.namespaces;
    const bool other_time = std::any_of(namespaces.begin(), namespaces.end(),
                                        [](const Namespace& one) { return one.type == NamespaceType::time; });
    return !request.supervision.init && !request.spec.process.oom_score_adj && !other_time &&
           !limits_memory(request.spec.linux_.resources);
}

void add_clone(PlanBuilder& plan) {
    std::uint64_t flags = CLONE_NEWNS;  // always: nothing is ever mounted in the host's namespace
    for (const auto& one : plan.request.spec.linux_.namespaces) {
        const bool joins_late = one.type == NamespaceType::user || one.type == NamespaceType::pid;
        if (joins_late && !one.path.empty())
            throw Error(ErrorKind::unsupported, cat("joining the ", namespace_word(one.type), " namespace ",
                                                    quote(one.path), " is not supported yet"));
        // A time namespace is entered by being born into it: the parent makes it (time_namespaces(7)). The user
        // namespace comes last, see op::EnterUserNamespace.
        // Nor is a cgroup namespace by the clone where the child has to enter cgroups first.
        const bool late_cgroups = one.type == NamespaceType::cgroup && plan.cgroup;
        const bool by_clone = one.type != NamespaceType::time && one.type != NamespaceType::user && !late_cgroups;
        if (one.path.empty() && by_clone) flags |= clone_flag(one.type);
    }
    const auto* v2 = plan.cgroup ? plan.cgroup->v2() : nullptr;
    plan.clone(op::CloneProcess{flags, can_share_memory(plan.request), v2 == nullptr ? nullptr : plan.text(v2->path)});
}

void add_joined_namespaces(PlanBuilder& plan) {
    for (const auto& one : plan.request.spec.linux_.namespaces)
        if (!one.path.empty()) plan.child(op::JoinNamespace{plan.text(one.path), clone_flag(one.type)});
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
    if (has_new_namespace(spec, NamespaceType::user) && has_new_namespace(spec, NamespaceType::network))
        sysctls.try_emplace("net.ipv4.ip_unprivileged_port_start", "0");
    const bool needs_proc = !sysctls.empty() || spec.process.oom_score_adj;
    const bool has_proc = std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const MountSpec& mount) {
        return mount.destination == "/proc" && mount.type == "proc";
    });
    if (needs_proc && !has_proc)
        plan.child(op::MountFilesystem{"proc", "proc", {}, 0, 0, {Slot::none, "", Create::no}, Slot::proc});
    for (const auto& [key, value] : sysctls) {
        const auto path = sysctl_path(key);
        if (!path) throw Error(ErrorKind::bad_input, cat("the sysctl ", quote(key), " is not valid"));
        plan.child(op::WriteSysctl{plan.text("sys/" + *path), plan.bytes(value)});
    }
}

void add_terminal(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (plan.request.streams.tty)
        plan.child(op::OpenTerminal{mapped_id(spec.linux_.uid_mappings, spec.process.user.uid)});
}

// A session of its own, so that nothing reaches the terminal minirun was started from (CVE-2017-5226).
void add_session(PlanBuilder& plan) {
    if (plan.request.supervision.init) plan.child_final(op::ForkInit{});
    plan.child_final(op::NewSession{});
    plan.child_final(op::ConnectStreams{plan.request.streams.tty});
}

// The value of the last PATH in the environment, as the process will see it.
std::string search_path(const std::vector<std::string>& env) {
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const auto& entry : env)
        if (entry.starts_with("PATH=")) path = entry.substr(5);
    return path;
}

std::span<const char* const> add_candidates(PlanBuilder& plan) {
    std::vector<const char*> candidates;
    for (const auto& path : command_candidates(plan.request.spec.process)) candidates.push_back(plan.text(path));
    return plan.arena().array(candidates);
}

// While the child may still read what the user may only run, and before a filter that knows nothing of this.
void add_command_check(PlanBuilder& plan, std::span<const char* const> candidates) {
    plan.child_final(op::CheckCommand{plan.text(plan.request.spec.process.cwd), candidates});
}

void add_exec(PlanBuilder& plan, std::span<const char* const> candidates) {
    const auto& process = plan.request.spec.process;
    plan.child_final(
        op::Exec{candidates, plan.arena().null_terminated(process.args), plan.arena().null_terminated(process.env)});
}

}  // namespace

std::vector<std::string> command_candidates(const ProcessSpec& process) {
    const auto& command = process.args.front();
    if (command.find('/') != std::string::npos) return {command};
    std::vector<std::string> candidates;
    if (command.empty()) return candidates;
    for (const auto& directory : split(search_path(process.env), ':'))
        candidates.push_back(cat(directory.empty() ? "." : directory, '/', command));
    return candidates;
}

Plan plan_from_request(const LaunchRequest& request, const KernelFeatures& features) {
    PlanBuilder plan(request, features);

    // On the host: what the container's directory holds. Undone when the container is gone.
    add_time_namespace(plan);
    add_user_namespace(plan);
    add_cgroup(plan);
    add_clone(plan);

    // On the host, beside the child.
    plan.host_after(op::RecordProcess{plan.text(request.process_record)});

    // In the child, still seeing the host: its namespaces, then the tree from the root to the leaves.
    plan.child(op::Undumpable{});
    plan.child(op::NewKeyring{});
    plan.child(op::DieWithParent{});
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
    add_root_finish(plan);
    add_late_cgroup_entry(plan);

    // Out of the host, and then down to what the process may have.
    plan.child_final(op::AwaitParent{});
    plan.child_final(op::PivotRoot{});
    if (has_new_namespace(request.spec, NamespaceType::user)) plan.child_final(op::EnterUserNamespace{});
    add_session(plan);
    plan.child_final(op::CloseDescriptors{3});
    const auto candidates = add_candidates(plan);
    add_command_check(plan, candidates);
    add_rights(plan);
    add_exec(plan, candidates);
    return plan.finish();
}

}  // namespace minirun
