#include "launch/plan_process.hpp"

#include <sched.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "kernel/process.hpp"
#include "security/process_rights.hpp"

namespace minirun {
namespace {

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
void add_command_check(PlanBuilder& plan, std::span<const char* const> candidates, bool must_exist) {
    plan.child_final(op::CheckCommand{plan.text(plan.request.spec.process.cwd), candidates, must_exist});
}

void add_exec(PlanBuilder& plan, std::span<const char* const> candidates) {
    const auto& process = plan.request.spec.process;
    plan.child_final(
        op::Exec{candidates, plan.arena().null_terminated(process.args), plan.arena().null_terminated(process.env)});
}

// Whether --init can split the child in two there. What is split off has to end with pid 1, as in a new pid namespace.
// And in a user namespace that it has entered pid 1 is nobody yet, whom an execve(2) leaves no capabilities.
bool can_be_split(const ContainerSpec& spec) {
    const auto* pid = find_namespace(spec, NamespaceType::pid);
    return pid != nullptr && pid->path.empty() && find_namespace(spec, NamespaceType::user) == nullptr;
}

}  // namespace

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

// Until it execs, the child can do its work in the parent's memory: then nothing is copied. Not where the kernel ties
// to the memory what is meant for the process: a score for the OOM killer (proc_pid_oom_score_adj(5)), and the clocks
// (time_namespaces(7); to join other ones, a process is to be alone in its memory).
// Nor in the pid namespace of another container, where one with CAP_SYS_PTRACE could write to it, dumpable or not. Nor
// where the kernel's OOM killer may end it, and with it all who share its memory. Nor where it stays when this program
// has ended, or needs more of a stack than it is lent: to copy a tree.
bool can_share_memory(const LaunchRequest& request) {
    for (const auto& mount : request.spec.mounts)
        if (std::find(mount.options.begin(), mount.options.end(), "tmpcopyup") != mount.options.end()) return false;
    const auto* pid = find_namespace(request.spec, NamespaceType::pid);
    if (pid == nullptr ? request.driven.outlives_minirun : !pid->path.empty()) return false;
    if (request.supervision.init && !can_be_split(request.spec)) return false;
    const bool other_time = find_namespace(request.spec, NamespaceType::time) != nullptr;
    return !request.driven.waits_for_start && !request.spec.process.oom_score_adj && !other_time &&
           !memory_may_run_out_early(request.spec.linux_);
}

op::OpenTerminal terminal_step(const LaunchRequest& request, bool console) {
    const auto& spec = request.spec;
    const auto size = spec.process.console_size.value_or(ConsoleSize{});
    return {mapped_id(spec.linux_.uid_mappings, spec.process.user.uid), console, size.height, size.width};
}

void add_owned_streams(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (plan.request.streams.inherited)
        plan.child_final(op::OwnStreams{mapped_id(spec.linux_.uid_mappings, spec.process.user.uid)});
}

// A session of its own, so that nothing reaches the terminal minirun was started from (CVE-2017-5226).
void add_session(PlanBuilder& plan) {
    if (plan.request.supervision.init) plan.child_final(op::ForkInit{});
    plan.child_final(op::NewSession{});
    plan.child_final(op::ConnectStreams{plan.request.streams.tty});
}

std::vector<std::string> command_candidates(const ProcessSpec& process) {
    const auto& command = process.args.front();
    if (command.find('/') != std::string::npos) return {command};
    std::vector<std::string> candidates;
    if (command.empty()) return candidates;
    for (const auto& directory : split(search_path(process.env), ':'))
        candidates.push_back(cat(directory.empty() ? "." : directory, '/', command));
    return candidates;
}

void add_program(PlanBuilder& plan) {
    const auto candidates = add_candidates(plan);
    const bool waits = plan.request.driven.waits_for_start;
    add_command_check(plan, candidates, waits);
    add_rights(plan);
    if (waits) {
        plan.child_final(op::AwaitStart{});
        // Much can have happened meanwhile.
        add_command_check(plan, candidates, false);
    }
    add_last_rights(plan);
    add_exec(plan, candidates);
}

}  // namespace minirun
