#include "model/runtime_spec_checks.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/json.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "model/runtime_spec_checks_shared.hpp"
#include "model/runtime_spec_resources.hpp"

namespace minirun {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
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

void mounts_are_complete(const ContainerSpec& spec, Problems& problems) {
    for (std::size_t i = 0; i < spec.mounts.size(); i++) {
        const auto& mount = spec.mounts[i];
        const auto path = at(".mounts", i);
        if (!mount.destination.starts_with('/'))
            problems.add(cat(path, ".destination"), cat("expected an absolute path, found ", quote(mount.destination)));
        if (mount.destination == "/")
            problems.add(cat(path, ".destination"), "a mount on / would hide the root file system");
        const bool bind = is_bind(mount);
        if (bind && mount.source.empty()) problems.add(cat(path, ".source"), "a bind mount needs a source");
        if (!bind && (mount.type.empty() || mount.type == "none") && !contains(mount.options, "remount"))
            problems.add(cat(path, ".type"), "expected a file system, or bind or rbind among the options");
        for (std::size_t j = 0; j < mount.options.size(); j++)
            if (mount.options[j].empty()) problems.add(at(cat(path, ".options"), j), "the option is an empty string");
    }
}

// config.md "Mounts", idmap.
void idmapped_mounts_have_ids(const ContainerSpec& spec, Problems& problems) {
    for (std::size_t i = 0; i < spec.mounts.size(); i++) {
        const auto& mount = spec.mounts[i];
        const auto path = at(".mounts", i);
        const bool own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
        const bool asked = contains(mount.options, "idmap") || contains(mount.options, "ridmap");
        if (!own && !asked) continue;
        if (!is_bind(mount) || contains(mount.options, "remount"))
            problems.add(path, "only a new bind mount can be idmapped");
        if (!own && find_namespace(spec, NamespaceType::user) == nullptr)
            problems.add(cat(path, ".options"), "idmap needs uidMappings and gidMappings, or a user namespace");
        if (own && mount.uid_mappings.empty())
            problems.add(cat(path, ".uidMappings"), "is required beside gidMappings");
        if (own && mount.gid_mappings.empty())
            problems.add(cat(path, ".gidMappings"), "is required beside uidMappings");
        check_mappings(cat(path, ".uidMappings"), mount.uid_mappings, problems);
        check_mappings(cat(path, ".gidMappings"), mount.gid_mappings, problems);
    }
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
    const auto& word = spec.linux_.rootfs_propagation;
    const auto option = mount_option(word);
    if (!word.empty() && (!option || option->propagation == 0))
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

void memory_policy_is_known(const ContainerSpec& spec, Problems& problems) {
    const auto& policy = spec.linux_.memory_policy;
    if (!policy) return;
    if (!memory_policy_mode(policy->mode))
        problems.add(".linux.memoryPolicy.mode", cat("unknown mode ", quote(policy->mode)));
    for (std::size_t i = 0; i < policy->flags.size(); i++)
        if (!memory_policy_flag(policy->flags[i]))
            problems.add(at(".linux.memoryPolicy.flags", i), cat("unknown flag ", quote(policy->flags[i])));
    if (!policy->nodes.empty() && !cpu_set(policy->nodes))
        problems.add(".linux.memoryPolicy.nodes",
                     cat("expected a list of nodes like 0-3,7, found ", quote(policy->nodes)));
}

void personality_is_known(const ContainerSpec& spec, Problems& problems) {
    const auto& domain = spec.linux_.personality;
    if (!domain.empty() && domain != "LINUX" && domain != "LINUX32")
        problems.add(".linux.personality.domain", cat("expected LINUX or LINUX32, found ", quote(domain)));
}

}  // namespace

void check_spec(const ContainerSpec& spec, Problems& problems) {
    oci_version_is_1(spec, problems);
    check_process(spec, problems);
    check_namespaces(spec, problems);
    mounts_are_complete(spec, problems);
    idmapped_mounts_have_ids(spec, problems);
    devices_make_sense(spec, problems);
    propagation_is_a_word(spec, problems);
    hidden_paths_are_absolute(spec, problems);
    cgroup_and_resources(spec, problems);
    annotations_have_keys(spec, problems);
    hooks_are_absolute(spec, problems);
    memory_policy_is_known(spec, problems);
    personality_is_known(spec, problems);
}

}  // namespace minirun
