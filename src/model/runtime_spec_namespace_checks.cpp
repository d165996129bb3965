#include <algorithm>
#include <limits>
#include <set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "model/runtime_spec_checks_shared.hpp"
#include "model/sysctl.hpp"

namespace minirun {
namespace {

void check_mapping(const std::string& path, const IdMapping& mapping, Problems& problems) {
    // The last id is no id: -1.
    constexpr std::uint64_t ids = std::numeric_limits<std::uint32_t>::max();
    if (mapping.size == 0) problems.add(cat(path, ".size"), "is 0");
    if (std::uint64_t{mapping.container_id} + mapping.size > ids || std::uint64_t{mapping.host_id} + mapping.size > ids)
        problems.add(path, "ends after the last id, 4294967294");
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
    if (!has_new_namespace(spec, NamespaceType::mount))
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

void mappings_are_for_a_user_namespace(const ContainerSpec& spec, Problems& problems) {
    const bool any_user = find_namespace(spec, NamespaceType::user) != nullptr;
    const auto check = [&](std::string_view path, const std::vector<IdMapping>& mappings) {
        if (!mappings.empty() && !any_user) problems.add(path, "needs a user namespace");
        if (mappings.empty() && has_new_namespace(spec, NamespaceType::user))
            problems.add(path, "a new user namespace needs at least one mapping");
        check_mappings(path, mappings, problems);
    };
    check(".linux.uidMappings", spec.linux_.uid_mappings);
    check(".linux.gidMappings", spec.linux_.gid_mappings);
}

// The offsets can only be written before the first process is in the namespace (time_namespaces(7)).
void time_offsets_are_for_a_new_time_namespace(const ContainerSpec& spec, Problems& problems) {
    const auto check = [&](std::string_view path, const std::optional<TimeOffset>& offset) {
        if (!offset) return;
        if (!has_new_namespace(spec, NamespaceType::time)) problems.add(path, "needs a new time namespace");
        if (offset->nanoseconds > 999'999'999)
            problems.add(cat(path, ".nanosecs"), cat(offset->nanoseconds, " is over 999999999"));
    };
    check(".linux.timeOffsets.monotonic", spec.linux_.monotonic_offset);
    check(".linux.timeOffsets.boottime", spec.linux_.boottime_offset);
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

void network_devices_have_a_place(const ContainerSpec& spec, Problems& problems) {
    std::set<std::string> inside;
    // dev_valid_name() of the kernel's net/core/dev.c; and "%", behind which it puts a number of its own.
    const auto valid = [](const std::string& name) {
        constexpr std::size_t longest = 15;
        return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
               name.find_first_of(" \t\n\v\f\r/:%") == std::string::npos;
    };
    for (const auto& [name, name_inside] : spec.linux_.net_devices) {
        const auto path = cat(".linux.netDevices.", printable(name));
        if (!has_own(spec, NamespaceType::network)) problems.add(path, "needs a network namespace");
        if (!valid(name)) problems.add(path, "no name of a network device");
        if (!valid(name_inside))
            problems.add(cat(path, ".name"), cat("no name of a network device: ", quote(name_inside)));
        if (!inside.insert(name_inside).second)
            problems.add(cat(path, ".name"), cat("a second network device ", quote(name_inside)));
    }
}

}  // namespace

bool has_own(const ContainerSpec& spec, NamespaceType type) {
    const auto* found = find_namespace(spec, type);
    return found != nullptr && !starts_with_any_of(found->path, {"/proc/1/", "/proc/self/", "/proc/thread-self/"});
}

bool overlap(std::uint32_t a, std::uint32_t a_size, std::uint32_t b, std::uint32_t b_size) {
    return a < std::uint64_t{b} + b_size && b < std::uint64_t{a} + a_size;
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

void check_namespaces(const ContainerSpec& spec, Problems& problems) {
    namespaces_are_distinct(spec, problems);
    mount_namespace_is_new(spec, problems);
    host_name_is_in_uts_namespace(spec, problems);
    mappings_are_for_a_user_namespace(spec, problems);
    time_offsets_are_for_a_new_time_namespace(spec, problems);
    sysctls_stay_in_the_container(spec, problems);
    network_devices_have_a_place(spec, problems);
}

}  // namespace minirun
