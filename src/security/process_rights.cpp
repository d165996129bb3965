#include "security/process_rights.hpp"

#include <linux/capability.h>
#include <linux/seccomp.h>

#include <algorithm>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"
#include "model/container_state.hpp"
#include "security/denial_filter.hpp"
#include "security/seccomp_cache.hpp"
#include "security/seccomp_profile.hpp"

namespace minirun {
namespace {

void add_listener(PlanBuilder& plan, op::LoadSeccomp& step) {
    const auto& request = plan.request;
    const auto& driven = request.driven;
    const auto status = driven.waits_for_start || driven.joins_created ? ContainerStatus::created
                        : driven.joins != 0                            ? ContainerStatus::running
                                                                       : ContainerStatus::creating;
    const auto listener = read_seccomp_listener(*request.spec.linux_.seccomp);
    step.listener = plan.text(listener.path);
    step.told = plan.bytes(
        listener_state(request.spec, listener.metadata, hook_state(request.spec, request.id, driven.bundle, status)));
    step.container = driven.joins;
}

// The same, with minirun itself as the one who answers.
op::LoadSeccomp counted(PlanBuilder& plan, const SeccompFilter& filter, op::LoadSeccomp step) {
    check_countable(filter);
    step.counted = step.filter;
    step.filter = plan.arena().array(asking_filter(filter.program));
    step.flags |= asking_flags(running_kernel_version());
    return step;
}

// Whether 32-bit programs may run: as minirun's user says, or as the profile says that an engine gives, whose images
// can have some.
bool filters_compat(const LaunchRequest& request, std::string_view profile) {
    return request.compat || (request.driven.outlives_minirun && lists_compat_architecture(profile));
}

void add_seccomp(PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!spec.linux_.seccomp) return;
    const auto capabilities =
        spec.process.capabilities ? spec.process.capabilities->bounding : std::vector<std::string>{};
    const auto filter = seccomp_filter(*spec.linux_.seccomp, capabilities, plan.request.seccomp_cache,
                                       filters_compat(plan.request, *spec.linux_.seccomp));
    op::LoadSeccomp step{plan.arena().array(filter.program), filter.flags, nullptr, {}, 0};
    if (plan.request.counts_denied) return plan.child_final(counted(plan, filter, step));
    if ((filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) add_listener(plan, step);
    plan.child_final(step);
}

// What has to be kept up to the filter, beyond what the process is to have.
std::uint64_t needed_for_filter(const PlanBuilder& plan) {
    const auto& spec = plan.request.spec;
    if (!spec.linux_.seccomp || spec.process.no_new_privileges) return 0;
    constexpr auto admin = std::uint64_t{1} << CAP_SYS_ADMIN;
    const auto sets = spec.process.capabilities.value_or(CapabilitySpec{});
    return (capability_set(sets.effective) & admin) != 0 ? 0 : admin;
}

constexpr unsigned long linux32 = 0x0008;          // PER_LINUX32 of personality(2)
constexpr unsigned long no_randomize = 0x0040000;  // ADDR_NO_RANDOMIZE

void add_scheduling(PlanBuilder& plan) {
    const auto& process = plan.request.spec.process;
    if (const auto& wanted = process.scheduler) {
        std::uint64_t flags = 0;
        for (const auto& name : wanted->flags) flags |= scheduler_flag(name).value_or(0);
        plan.child(op::SetScheduler{scheduler_policy(wanted->policy).value_or(0), flags, wanted->nice, wanted->priority,
                                    wanted->runtime, wanted->deadline, wanted->period});
    }
    if (const auto& io = process.io_priority)
        plan.child(op::SetIoPriority{io_priority_class(io->io_class).value_or(0), io->priority});
}

// Taken when the process execs; said while its own /proc is in reach and may be written to.
void add_labels(PlanBuilder& plan) {
    const auto& process = plan.request.spec.process;
    const auto& profile = process.apparmor_profile;
    if (!profile.empty() && !(profile == "unconfined" && !plan.features.apparmor)) {
        if (!plan.features.apparmor)
            throw Error(ErrorKind::unsupported,
                        cat("this host has no AppArmor, and the process is to have the profile ", quote(profile)),
                        "take .process.apparmorProfile out");
        plan.child(op::SetSecurityLabel{"self/attr/apparmor/exec", plan.bytes("exec " + profile)});
    }
    if (process.selinux_label.empty()) return;
    if (!plan.features.selinux)
        throw Error(
            ErrorKind::unsupported,
            cat("this host has no SELinux, and the process is to have the label ", quote(process.selinux_label)),
            "take .process.selinuxLabel out");
    plan.child(op::SetSecurityLabel{"self/attr/exec", plan.bytes(process.selinux_label)});
}

}  // namespace

bool needs_own_proc(const ProcessSpec& process) {
    return process.oom_score_adj || !process.apparmor_profile.empty() || !process.selinux_label.empty();
}

std::uint64_t capability_set(const std::vector<std::string>& names) {
    std::uint64_t set = 0;
    for (const auto& name : names) {
        const auto number = capability_number(name);
        if (!number) throw Error(ErrorKind::bad_input, cat("unknown capability ", quote(name)));
        set |= std::uint64_t{1} << *number;
    }
    return set;
}

void add_limits(PlanBuilder& plan) {
    const auto& process = plan.request.spec.process;
    for (const auto& limit : process.rlimits) {
        const auto number = rlimit_number(limit.type);
        if (!number) throw Error(ErrorKind::bad_input, cat("unknown resource limit ", quote(limit.type)));
        plan.child(op::SetRlimit{*number, limit.soft, limit.hard});
    }
    if (process.oom_score_adj) plan.child(op::SetOomScore{plan.bytes(cat(*process.oom_score_adj))});
    add_scheduling(plan);
    if (const auto& policy = plan.request.spec.linux_.memory_policy) {
        auto mode = memory_policy_mode(policy->mode).value_or(0);
        for (const auto& name : policy->flags) mode |= memory_policy_flag(name).value_or(0);
        const auto nodes = policy->nodes.empty() ? std::nullopt : cpu_set(policy->nodes);
        plan.child(op::SetMemoryPolicy{mode, plan.arena().array(nodes.value_or(std::vector<std::uint64_t>{}))});
    }
    const auto& domain = plan.request.spec.linux_.personality;
    const bool fixed_addresses = plan.request.fixed_addresses;
    if (!domain.empty() || fixed_addresses)
        plan.child(op::SetPersonality{(domain == "LINUX32" ? linux32 : 0) | (fixed_addresses ? no_randomize : 0)});
    add_labels(plan);
}

void add_rights(PlanBuilder& plan) {
    const auto& process = plan.request.spec.process;
    const auto sets = process.capabilities.value_or(CapabilitySpec{});
    plan.child_final(op::LimitBoundingSet{capability_set(sets.bounding)});
    std::vector<gid_t> groups(process.user.additional_gids.begin(), process.user.additional_gids.end());
    const bool has_others =
        std::any_of(groups.begin(), groups.end(), [&](gid_t group) { return group != process.user.gid; });
    if (has_others && !plan.features.set_groups)
        throw Error(ErrorKind::unsupported,
                    "the container's process cannot have groups beside its first one: a user namespace around minirun "
                    "denies setgroups(2)",
                    "name a group with the user, UID:GID; or give the user who runs minirun ids of its own in "
                    "/etc/subuid and /etc/subgid, and install newuidmap(1)");
    plan.child_final(op::SetUser{process.user.uid, process.user.gid, plan.arena().array(groups), process.user.uid != 0,
                                 plan.features.set_groups});
    plan.child_final(op::EnterWorkingDirectory{plan.text(process.cwd)});
    plan.child_final(op::SetUmask{process.user.umask.value_or(0022)});
    const auto permitted = capability_set(sets.permitted);
    const auto inheritable = capability_set(sets.inheritable);
    // The kernel takes an ambient capability only if it is in both; engines ask for more and mean this.
    const auto ambient = capability_set(sets.ambient) & permitted & inheritable;
    const auto kept = needed_for_filter(plan);
    plan.child_final(
        op::SetCapabilities{capability_set(sets.effective) | kept, permitted | kept, inheritable, ambient, true});
    plan.child_final(op::ResetSignals{});
}

// The filter comes last, so that it need not allow what minirun does before. Without no_new_privs, loading one takes
// CAP_SYS_ADMIN, which is given up behind it.
void add_last_rights(PlanBuilder& plan) {
    const auto& process = plan.request.spec.process;
    if (process.no_new_privileges) plan.child_final(op::NoNewPrivileges{});
    add_seccomp(plan);
    if (needed_for_filter(plan) == 0) return;
    const auto sets = process.capabilities.value_or(CapabilitySpec{});
    plan.child_final(op::SetCapabilities{capability_set(sets.effective), capability_set(sets.permitted),
                                         capability_set(sets.inheritable), 0, false});
}

}  // namespace minirun
