// explain(): what the container is kept from, read off the steps of its plan.
#include <sched.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "kernel/process.hpp"
#include "kernel/syscall_names.hpp"
#include "plan/describe.hpp"
#include "plan/why.hpp"
#include "runtime/explain.hpp"
#include "security/bpf.hpp"

namespace minirun {
namespace {

using Mode = IsolationFacts::NamespaceFacts::Mode;

constexpr std::uint64_t namespace_flags[] = {CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,  CLONE_NEWUTS,
                                             CLONE_NEWIPC, CLONE_NEWCGROUP, CLONE_NEWUSER, CLONE_NEWTIME};

// The capabilities that the running kernel has: it may be newer or older than the table of names.
int last_capability() {
    auto text = read_optional_file("/proc/sys/kernel/cap_last_cap", 64).value_or("");
    while (text.ends_with('\n')) text.pop_back();
    const auto number = parse_number<int>(text);
    return number && *number > 0 && *number < 64 ? *number : last_known_capability();
}

std::vector<std::string> names_of(std::uint64_t set) {
    std::vector<std::string> names;
    for (int number = 0; number < 64; number++)
        if ((set >> number & 1) != 0) names.push_back(capability_name(number));
    return names;
}

std::string_view text_of(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

// Reads the steps in their order.
struct Isolation {
    IsolationFacts facts;
    std::uint64_t own = 0;  // CLONE_NEW*

    void operator()(const op::CloneProcess& s) { own |= s.flags; }
    void operator()(const op::TimeNamespace&) { own |= CLONE_NEWTIME; }
    void operator()(const op::MakeUserNamespace& s) {
        own |= CLONE_NEWUSER;
        facts.uid_mappings.assign(s.uids.begin(), s.uids.end());
        facts.gid_mappings.assign(s.gids.begin(), s.gids.end());
    }
    void operator()(const op::JoinNamespace& s) {
        facts.namespaces.push_back(
            {namespace_names(s.type), Mode::joined, s.path, "Joined: shared with all processes that are in it."});
        if (s.type == CLONE_NEWNET) facts.network = IsolationFacts::Network::joined;
    }
    void operator()(const op::StartPasta& s) {
        facts.network = IsolationFacts::Network::pasta;
        for (const auto& ports : s.ports) facts.published_ports.push_back(port_text(ports));
    }
    void operator()(const op::ConnectBridges& s) {
        facts.network = IsolationFacts::Network::bridge;
        for (const auto& ports : s.ports) facts.published_ports.push_back(port_text(ports));
    }
    void operator()(const op::MakeDevice& s) {
        if (s.at == Slot::dev) facts.devices.push_back(cat("/dev/", s.path));
    }
    void operator()(const op::MaskPath& s) { facts.masked_paths.push_back(path_in_container(s.at, s.path)); }
    void operator()(const op::ReadonlyPath& s) { facts.readonly_paths.push_back(path_in_container(s.at, s.path)); }
    void operator()(const op::WriteSysctl& s) { facts.sysctls.emplace_back(s.path, text_of(s.value)); }
    void operator()(const op::SetRlimit& s) { facts.limits.push_back({rlimit_name(s.resource), s.soft, s.hard}); }
    void operator()(const op::LimitBoundingSet& s) {
        const auto known = (std::uint64_t{2} << last_capability()) - 1;
        facts.capabilities_kept = names_of(s.keep & known);
        facts.capabilities_dropped = names_of(known & ~s.keep);
    }
    void operator()(const op::SetCapabilities& s) { facts.capabilities_effective = names_of(s.effective); }
    void operator()(const op::NoNewPrivileges&) { facts.no_new_privileges = true; }
    void operator()(const op::LoadSeccomp& s) {
        facts.seccomp = true;
        facts.seccomp_instructions = s.filter.size();
        facts.syscalls_denied = denied_syscalls(s.filter);
        facts.syscalls_conditional = conditional_syscalls(s.filter);
    }
    template <class Other>
    void operator()(const Other&) {}
};

// Those that are joined are there already; the others in the table's order.
void complete_namespaces(Isolation& seen) {
    auto& all = seen.facts.namespaces;
    std::vector<IsolationFacts::NamespaceFacts> complete;
    for (const auto flag : namespace_flags) {
        const auto name = namespace_names(flag);
        const auto joined = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
        if (joined != all.end())
            complete.push_back(*joined);
        else if ((seen.own & flag) != 0)
            complete.push_back({name, Mode::own, "", std::string(own_namespace(flag))});
        else
            complete.push_back({name, Mode::host, "", std::string(host_namespace(flag))});
    }
    all = std::move(complete);
    const bool shares_network = (seen.own & CLONE_NEWNET) == 0;
    if (shares_network && seen.facts.network == IsolationFacts::Network::none)
        seen.facts.network = IsolationFacts::Network::host;
}

}  // namespace

IsolationFacts explain_isolation(const ExplainSources& sources) {
    Isolation seen;
    for (const auto& step : sources.plan.steps) std::visit(seen, step.operation);
    complete_namespaces(seen);
    auto& facts = seen.facts;
    facts.syscalls_known = known_syscalls().size();
    facts.timeout = sources.request.supervision.timeout;
    facts.privileged = sources.request.privileged;
    return std::move(facts);
}

}  // namespace minirun
