#include "model/runtime_spec_checks.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "base/path.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "model/runtime_spec.hpp"
#include "model/runtime_spec_resources.hpp"
#include "model/sysctl.hpp"

namespace minirun {
namespace {

std::string at(std::string_view list, std::size_t index) { return cat(list, '[', index, ']'); }

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

const Namespace* find_namespace(const ContainerSpec& spec, NamespaceType type) {
    const auto& all = spec.linux_.namespaces;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Namespace& one) { return one.type == type; });
    return found == all.end() ? nullptr : &*found;
}

bool has_new(const ContainerSpec& spec, NamespaceType type) {
    const auto* found = find_namespace(spec, type);
    return found != nullptr && found->path.empty();
}

// Not the host's: new, or joined by a path that does not plainly name the namespace that minirun itself is in.
bool has_own(const ContainerSpec& spec, NamespaceType type) {
    const auto* found = find_namespace(spec, type);
    return found != nullptr && !starts_with_any_of(found->path, {"/proc/1/", "/proc/self/", "/proc/thread-self/"});
}

// "1.2.0", "1.0.2-dev", "1.1.0+build.5": semver.org without the fine print of the suffixes.
std::optional<unsigned> major_version(std::string_view text) {
    const auto numbers = split(text.substr(0, text.find_first_of("-+")), '.');
    if (numbers.size() != 3) return std::nullopt;
    for (const auto& number : numbers)
        if (!parse_number<unsigned>(number)) return std::nullopt;
    return parse_number<unsigned>(numbers[0]);
}

void oci_version_is_1(const ContainerSpec& spec, Problems& problems) {
    const auto major = major_version(spec.oci_version);
    if (!major)
        problems.add(".ociVersion", cat("expected a version like 1.2.0, found ", quote(spec.oci_version)));
    else if (*major != 1)
        problems.add(".ociVersion", cat("version ", spec.oci_version, " is not supported: minirun knows 1.x"));
}

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

void mounts_are_complete(const ContainerSpec& spec, Problems& problems) {
    for (std::size_t i = 0; i < spec.mounts.size(); i++) {
        const auto& mount = spec.mounts[i];
        const auto path = at(".mounts", i);
        if (!mount.destination.starts_with('/'))
            problems.add(cat(path, ".destination"), cat("expected an absolute path, found ", quote(mount.destination)));
        if (mount.destination == "/")
            problems.add(cat(path, ".destination"), "a mount on / would hide the root file system");
        const bool bind = contains(mount.options, "bind") || contains(mount.options, "rbind") || mount.type == "bind";
        if (bind && mount.source.empty()) problems.add(cat(path, ".source"), "a bind mount needs a source");
        if (!bind && (mount.type.empty() || mount.type == "none") && !contains(mount.options, "remount"))
            problems.add(cat(path, ".type"), "expected a file system, or bind or rbind among the options");
        for (std::size_t j = 0; j < mount.options.size(); j++)
            if (mount.options[j].empty()) problems.add(at(cat(path, ".options"), j), "the option is an empty string");
    }
}

void namespaces_are_distinct(const ContainerSpec& spec, Problems& problems) {
    std::set<NamespaceType> seen;
    const auto& all = spec.linux_.namespaces;
    for (std::size_t i = 0; i < all.size(); i++) {
        if (!seen.insert(all[i].type).second)
            problems.add(at(".linux.namespaces", i), cat("a second namespace of type ", namespace_word(all[i].type)));
        if (!all[i].path.empty() && !all[i].path.starts_with('/'))
            problems.add(cat(at(".linux.namespaces", i), ".path"),
                         cat("expected an absolute path, found ", quote(all[i].path)));
    }
}

// Everything is mounted in the container's own mount namespace, so that nothing is left when its last process ends.
void mount_namespace_is_new(const ContainerSpec& spec, Problems& problems) {
    if (!has_new(spec, NamespaceType::mount))
        problems.add(".linux.namespaces",
                     "a new mount namespace is required: minirun mounts nothing in an existing one");
}

void host_name_is_in_uts_namespace(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view path, const std::string& name) {
        constexpr std::size_t longest = 64;  // __NEW_UTS_LEN, see sethostname(2)
        if (name.empty()) return;
        if (!has_own(spec, NamespaceType::uts))
            problems.add(path, "needs a uts namespace: without one it would change the host's name");
        if (name.size() > longest) problems.add(path, cat(name.size(), " bytes are over the kernel's limit of 64"));
    };
    check(".hostname", spec.hostname);
    check(".domainname", spec.domainname);
}

void check_sysctl(const ContainerSpec& spec, const std::string& key, Problems& problems) {
    const auto where = cat(".linux.sysctl.", printable(key));
    const auto path = sysctl_path(key);
    if (!path) return problems.add(where, "no name of a sysctl: expected words with dots between them");
    if (*path == "kernel/hostname") return problems.add(where, "use the key .hostname");
    const auto type = sysctl_namespace(*path);
    if (!type)
        problems.add(where, "would change the host: no namespace has its own");
    else if (!has_own(spec, *type))
        problems.add(
            where, cat("would change the host: the container has no ", namespace_word(*type), " namespace of its own"));
}

void sysctls_stay_in_the_container(const ContainerSpec& spec, Problems& problems) {
    for (const auto& entry : spec.linux_.sysctl) check_sysctl(spec, entry.first, problems);
}

bool overlap(std::uint32_t a, std::uint32_t a_size, std::uint32_t b, std::uint32_t b_size) {
    return a < std::uint64_t{b} + b_size && b < std::uint64_t{a} + a_size;
}

void check_mapping(const std::string& path, const IdMapping& mapping, Problems& problems) {
    // The last id is no id: -1.
    constexpr std::uint64_t ids = std::numeric_limits<std::uint32_t>::max();
    if (mapping.size == 0) problems.add(cat(path, ".size"), "is 0");
    if (std::uint64_t{mapping.container_id} + mapping.size > ids || std::uint64_t{mapping.host_id} + mapping.size > ids)
        problems.add(path, "ends after the last id, 4294967294");
}

void check_mappings(std::string_view path, const std::vector<IdMapping>& mappings, Problems& problems) {
    constexpr std::size_t most = 340;  // user_namespaces(7), since Linux 4.15
    if (mappings.size() > most)
        return problems.add(path, cat(mappings.size(), " mappings are over the kernel's limit of 340"));
    for (std::size_t i = 0; i < mappings.size(); i++) {
        const auto& one = mappings[i];
        check_mapping(at(path, i), one, problems);
        for (std::size_t j = 0; j < i; j++)
            if (overlap(one.container_id, one.size, mappings[j].container_id, mappings[j].size) ||
                overlap(one.host_id, one.size, mappings[j].host_id, mappings[j].size))
                problems.add(at(path, i), cat("overlaps with ", at(path, j)));
    }
}

void mappings_are_for_a_user_namespace(const ContainerSpec& spec, Problems& problems) {
    const bool any_user = find_namespace(spec, NamespaceType::user) != nullptr;
    const auto check = [&](std::string_view path, const std::vector<IdMapping>& mappings) {
        if (!mappings.empty() && !any_user) problems.add(path, "needs a user namespace");
        if (mappings.empty() && has_new(spec, NamespaceType::user))
            problems.add(path, "a new user namespace needs at least one mapping");
        check_mappings(path, mappings, problems);
    };
    check(".linux.uidMappings", spec.linux_.uid_mappings);
    check(".linux.gidMappings", spec.linux_.gid_mappings);
}

// setresuid(2) and setgroups(2) give EINVAL for an id that the user namespace does not have.
void user_is_mapped(const ContainerSpec& spec, Problems& problems) {
    if (!has_new(spec, NamespaceType::user)) return;
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

// The offsets can only be written before the first process is in the namespace (time_namespaces(7)).
void time_offsets_are_for_a_new_time_namespace(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view path, const std::optional<TimeOffset>& offset) {
        if (!offset) return;
        if (!has_new(spec, NamespaceType::time)) problems.add(path, "needs a new time namespace");
        if (offset->nanoseconds > 999'999'999)
            problems.add(cat(path, ".nanosecs"), cat(offset->nanoseconds, " is over 999999999"));
    };
    check(".linux.timeOffsets.monotonic", spec.linux_.monotonic_offset);
    check(".linux.timeOffsets.boottime", spec.linux_.boottime_offset);
}

void devices_make_sense(const ContainerSpec& spec, Problems& problems) {
    // The kernel packs both numbers into 32 bits: a larger one would be another device.
    constexpr std::uint32_t max_major = (1u << 12) - 1, max_minor = (1u << 20) - 1;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < spec.linux_.devices.size(); i++) {
        const auto& device = spec.linux_.devices[i];
        const auto path = at(".linux.devices", i);
        if (std::string_view("cbup").find(device.type) == std::string_view::npos)
            problems.add(cat(path, ".type"),
                         cat("unknown device type ", quote({&device.type, 1}), ": c, b, u and p are known"));
        if (!device.path.starts_with('/'))
            problems.add(cat(path, ".path"), cat("expected an absolute path, found ", quote(device.path)));
        else if (clean_path(device.path) != device.path)
            problems.add(cat(path, ".path"),
                         cat("expected a path without \"..\", \".\" and \"//\", found ", quote(device.path)));
        else if (!seen.insert(device.path).second)
            problems.add(cat(path, ".path"), cat("a second device at ", quote(device.path)));
        if (device.major > max_major) problems.add(cat(path, ".major"), cat(device.major, " is over ", max_major));
        if (device.minor > max_minor) problems.add(cat(path, ".minor"), cat(device.minor, " is over ", max_minor));
    }
}

void propagation_is_a_word(const ContainerSpec& spec, Problems& problems) {
    constexpr std::array<std::string_view, 5> words{"", "private", "slave", "shared", "unbindable"};
    const auto& word = spec.linux_.rootfs_propagation;
    if (std::find(words.begin(), words.end(), word) == words.end())
        problems.add(".linux.rootfsPropagation",
                     cat("expected private, slave, shared or unbindable, found ", quote(word)));
}

void hidden_paths_are_absolute(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view list, const std::vector<std::string>& paths) {
        for (std::size_t i = 0; i < paths.size(); i++)
            if (!paths[i].starts_with('/'))
                problems.add(at(list, i), cat("expected an absolute path, found ", quote(paths[i])));
    };
    check(".linux.maskedPaths", spec.linux_.masked_paths);
    check(".linux.readonlyPaths", spec.linux_.readonly_paths);
}

void cgroup_and_resources(const ContainerSpec& spec, Problems& problems) {
    const auto& path = spec.linux_.cgroups_path;
    for (const auto& part : split(path, '/'))
        if (part == "..")
            problems.add(".linux.cgroupsPath", cat("expected a path without \"..\", found ", quote(path)));
    check_resources(spec.linux_.resources, ".linux.resources", problems);
}

void annotations_have_keys(const ContainerSpec& spec, Problems& problems) {
    if (spec.annotations.contains("")) problems.add(".annotations", "a key is an empty string");
}

void hooks_are_absolute(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view list, const std::vector<Hook>& hooks) {
        for (std::size_t i = 0; i < hooks.size(); i++)
            if (!hooks[i].path.starts_with('/'))
                problems.add(cat(at(list, i), ".path"), cat("expected an absolute path, found ", quote(hooks[i].path)));
    };
    check(".hooks.prestart", spec.hooks.prestart);
    check(".hooks.createRuntime", spec.hooks.create_runtime);
    check(".hooks.createContainer", spec.hooks.create_container);
    check(".hooks.startContainer", spec.hooks.start_container);
    check(".hooks.poststart", spec.hooks.poststart);
    check(".hooks.poststop", spec.hooks.poststop);
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

void personality_is_known(const ContainerSpec& spec, Problems& problems) {
    const auto& domain = spec.linux_.personality;
    if (!domain.empty() && domain != "LINUX" && domain != "LINUX32")
        problems.add(".linux.personality.domain", cat("expected LINUX or LINUX32, found ", quote(domain)));
}

using Check = void (*)(const ContainerSpec&, Problems&);
constexpr Check checks[] = {
    oci_version_is_1,
    command_is_given,
    environment_is_assignments,
    working_directory_is_absolute,
    strings_have_no_nul,
    ids_are_ids,
    capabilities_are_known,
    effective_capabilities_are_permitted,
    rlimits_make_sense,
    oom_score_is_in_range,
    host_name_is_in_uts_namespace,
    mounts_are_complete,
    annotations_have_keys,
    namespaces_are_distinct,
    mount_namespace_is_new,
    mappings_are_for_a_user_namespace,
    user_is_mapped,
    time_offsets_are_for_a_new_time_namespace,
    devices_make_sense,
    sysctls_stay_in_the_container,
    propagation_is_a_word,
    hidden_paths_are_absolute,
    hooks_are_absolute,
    scheduling_is_known,
    personality_is_known,
    cgroup_and_resources,
};

}  // namespace

void check_spec(const ContainerSpec& spec, Problems& problems) {
    for (const auto check : checks) check(spec, problems);
}

}  // namespace minirun
