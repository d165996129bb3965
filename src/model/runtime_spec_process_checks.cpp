#include <algorithm>
#include <limits>
#include <set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "model/runtime_spec_checks_shared.hpp"

namespace minirun {
namespace {

void command_is_given(const ContainerSpec& spec, Problems& problems) {
    const auto& args = spec.process.args;
    if (args.empty()) problems.add(".process.args", "no command: at least one argument is required");
    if (!args.empty() && args[0].empty()) problems.add(".process.args[0]", "the command is an empty string");
}

void environment_is_assignments(const ContainerSpec& spec, Problems& problems) {
    const auto& env = spec.process.env;
    for (std::size_t i = 0; i < env.size(); i++)
        if (const auto equals = env[i].find('='); equals == std::string::npos || equals == 0)
            problems.add(at(".process.env", i), cat("expected NAME=value, found ", quote(env[i])));
}

void working_directory_is_absolute(const ContainerSpec& spec, Problems& problems) {
    if (!spec.process.cwd.starts_with('/'))
        problems.add(".process.cwd", cat("expected an absolute path, found ", quote(spec.process.cwd)));
}

// What execve(2) takes ends at a NUL byte: the rest would be lost silently.
void strings_have_no_nul(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view list, const std::vector<std::string>& texts) {
        for (std::size_t i = 0; i < texts.size(); i++)
            if (texts[i].find('\0') != std::string::npos) problems.add(at(list, i), "the string holds a NUL byte");
    };
    check(".process.args", spec.process.args);
    check(".process.env", spec.process.env);
}

// 4294967295 is -1, "leave it as it is" to setresuid(2).
void ids_are_ids(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](const std::string& path, std::uint32_t id) {
        if (id == std::numeric_limits<std::uint32_t>::max()) problems.add(path, cat(id, " is no valid id"));
    };
    const auto& user = spec.process.user;
    check(".process.user.uid", user.uid);
    check(".process.user.gid", user.gid);
    for (std::size_t i = 0; i < user.additional_gids.size(); i++)
        check(at(".process.user.additionalGids", i), user.additional_gids[i]);
    if (user.umask && *user.umask > 0777) problems.add(".process.user.umask", cat(*user.umask, " is over 511 (0777)"));
}

void capabilities_are_known(const ContainerSpec& spec, Problems& problems) {
    if (!spec.process.capabilities) return;
    const auto check = [&](std::string_view list, const std::vector<std::string>& names) {
        for (std::size_t i = 0; i < names.size(); i++)
            if (!capability_number(names[i])) problems.add(at(list, i), cat("unknown capability ", quote(names[i])));
    };
    const auto& sets = *spec.process.capabilities;
    check(".process.capabilities.bounding", sets.bounding);
    check(".process.capabilities.effective", sets.effective);
    check(".process.capabilities.inheritable", sets.inheritable);
    check(".process.capabilities.permitted", sets.permitted);
    check(".process.capabilities.ambient", sets.ambient);
}

// capset(2) gives EPERM for it, which says neither which nor why. An ambient capability that is not inheritable is no
// such error: `runc spec` writes them, and the kernel just does not raise them.
void effective_capabilities_are_permitted(const ContainerSpec& spec, Problems& problems) {
    if (!spec.process.capabilities) return;
    const auto& sets = *spec.process.capabilities;
    for (std::size_t i = 0; i < sets.effective.size(); i++) {
        const auto number = capability_number(sets.effective[i]);
        const bool permitted = std::any_of(sets.permitted.begin(), sets.permitted.end(),
                                           [&](const std::string& name) { return capability_number(name) == number; });
        if (number && !permitted)
            problems.add(at(".process.capabilities.effective", i),
                         cat(capability_name(*number), " must be in permitted too"));
    }
}

void rlimits_make_sense(const ContainerSpec& spec, Problems& problems) {
    std::set<int> seen;
    for (std::size_t i = 0; i < spec.process.rlimits.size(); i++) {
        const auto& limit = spec.process.rlimits[i];
        const auto path = at(".process.rlimits", i);
        const auto number = limit.type.starts_with("RLIMIT_") ? rlimit_number(limit.type) : std::nullopt;
        if (!number)
            problems.add(cat(path, ".type"), cat("unknown limit ", quote(limit.type)));
        else if (!seen.insert(*number).second)
            problems.add(cat(path, ".type"), cat(rlimit_name(*number), " is there twice"));
        if (limit.soft > limit.hard)
            problems.add(path, cat("the soft limit ", limit.soft, " of ", printable(limit.type),
                                   " is over the hard limit ", limit.hard));
    }
}

void oom_score_is_in_range(const ContainerSpec& spec, Problems& problems) {
    const auto score = spec.process.oom_score_adj;
    if (score && (*score < -1000 || *score > 1000))
        problems.add(".process.oomScoreAdj", cat(*score, " is not from -1000 to 1000"));
}

void scheduling_is_known(const ContainerSpec& spec, Problems& problems) {
    const auto& process = spec.process;
    if (const auto& scheduler = process.scheduler) {
        if (!scheduler_policy(scheduler->policy))
            problems.add(".process.scheduler.policy", cat("unknown policy ", quote(scheduler->policy)));
        for (std::size_t i = 0; i < scheduler->flags.size(); i++)
            if (!scheduler_flag(scheduler->flags[i]))
                problems.add(at(".process.scheduler.flags", i), cat("unknown flag ", quote(scheduler->flags[i])));
        if (scheduler->nice < -20 || scheduler->nice > 19)
            problems.add(".process.scheduler.nice", cat(scheduler->nice, " is not from -20 to 19"));
    }
    if (const auto& io = process.io_priority) {
        if (!io_priority_class(io->io_class))
            problems.add(".process.ioPriority.class", cat("unknown class ", quote(io->io_class)));
        if (io->priority < 0 || io->priority > 7)
            problems.add(".process.ioPriority.priority", cat(io->priority, " is not from 0 to 7"));
    }
    if (const auto& affinity = process.exec_cpu_affinity)
        for (const auto& [path, list] : {std::pair{".process.execCPUAffinity.initial", &affinity->initial},
                                         std::pair{".process.execCPUAffinity.final", &affinity->final}})
            if (!list->empty() && !cpu_set(*list))
                problems.add(path, cat("expected a list of CPUs like 0-3,7, found ", quote(*list)));
}

// setresuid(2) and setgroups(2) give EINVAL for an id that the user namespace does not have.
void user_is_mapped(const ContainerSpec& spec, Problems& problems) {
    if (!has_new_namespace(spec, NamespaceType::user)) return;
    const auto check = [&](const std::string& path, std::uint32_t id, std::string_view mappings_path,
                           const std::vector<IdMapping>& mappings) {
        const bool mapped = std::any_of(mappings.begin(), mappings.end(), [&](const IdMapping& one) {
            return overlap(id, 1, one.container_id, one.size);
        });
        if (!mapped && !mappings.empty()) problems.add(path, cat(id, " is not in ", mappings_path));
    };
    const auto& user = spec.process.user;
    check(".process.user.uid", user.uid, ".linux.uidMappings", spec.linux_.uid_mappings);
    check(".process.user.gid", user.gid, ".linux.gidMappings", spec.linux_.gid_mappings);
    for (std::size_t i = 0; i < user.additional_gids.size(); i++)
        check(at(".process.user.additionalGids", i), user.additional_gids[i], ".linux.gidMappings",
              spec.linux_.gid_mappings);
}

}  // namespace

void check_process(const ContainerSpec& spec, Problems& problems) {
    command_is_given(spec, problems);
    environment_is_assignments(spec, problems);
    working_directory_is_absolute(spec, problems);
    strings_have_no_nul(spec, problems);
    ids_are_ids(spec, problems);
    capabilities_are_known(spec, problems);
    effective_capabilities_are_permitted(spec, problems);
    rlimits_make_sense(spec, problems);
    oom_score_is_in_range(spec, problems);
    scheduling_is_known(spec, problems);
    user_is_mapped(spec, problems);
}

}  // namespace minirun
