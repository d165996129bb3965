#include "model/runtime_bundle_notice.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.hpp"
#include "model/defaults.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

std::string outer_root(const Image& bundle) {
    const auto& root = bundle.layers.front().path;
    return root.starts_with(bundle.directory + "/") ? "" : cat("the root is the host's ", quote(root));
}

std::string shared_namespaces(const ContainerSpec& spec) {
    using enum NamespaceType;
    std::vector<std::string> shared;
    for (const auto type : {pid, network, ipc, uts}) {
        const auto is_new = [&](const Namespace& one) { return one.type == type && one.path.empty(); };
        const auto& namespaces = spec.linux_.namespaces;
        if (std::none_of(namespaces.begin(), namespaces.end(), is_new)) shared.emplace_back(namespace_word(type));
    }
    return shared.empty() ? "" : cat("no new namespace for ", join(shared, ", "));
}

// "'/a', '/b', '/c', '/d' and 3 more"
std::string some_of(std::vector<std::string> names) {
    constexpr std::size_t shown = 4;
    const auto more = names.size() > shown ? names.size() - shown : 0;
    names.resize(names.size() - more);
    return cat(join(names, ", "), more == 0 ? "" : cat(" and ", more, " more"));
}

// All but the file systems that are made for the container: a directory, a disk, all devices.
std::string mounts_of_host(const ContainerSpec& spec) {
    constexpr std::array own = {"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"};
    std::vector<std::string> mounts;
    for (const auto& mount : spec.mounts)
        if (is_bind(mount))
            mounts.push_back(quote(mount.source));
        else if (std::find(own.begin(), own.end(), mount.type) == own.end())
            mounts.push_back(cat(quote(mount.source), " (", printable(mount.type), ")"));
    return mounts.empty() ? "" : cat("mounts of the host's ", some_of(mounts));
}

std::string devices_of_host(const ContainerSpec& spec) {
    std::vector<std::string> devices;
    for (const auto& device : spec.linux_.devices) devices.push_back(quote(device.path));
    return devices.empty() ? "" : cat("the devices ", some_of(devices));
}

std::string further_capabilities(const ContainerSpec& spec) {
    // minirun's own, and what else engines keep.
    auto usual = default_capabilities();
    usual.insert(usual.end(), {"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"});
    std::vector<std::string> further;
    for (const auto& name : spec.process.capabilities.value_or(CapabilitySpec{}).bounding)
        if (std::find(usual.begin(), usual.end(), name) == usual.end())
            further.push_back(name.substr(name.starts_with("CAP_") ? 4 : 0));
    return further.empty() ? "" : cat("capabilities ", join(further, " "));
}

// Not a missing seccomp filter: hardly a bundle has one, unless an engine wrote it.
std::string missing_walls(const ContainerSpec& spec) {
    std::vector<std::string> missing;
    if (!spec.process.no_new_privileges) missing.emplace_back("noNewPrivileges");
    if (spec.linux_.masked_paths.empty()) missing.emplace_back("maskedPaths");
    return missing.empty() ? "" : cat("no ", join(missing, ", no "));
}

}  // namespace

std::vector<std::string> what_it_opens(const Image& bundle) {
    const auto& spec = *bundle.runtime_spec;
    std::vector<std::string> opened;
    for (const auto& part : {outer_root(bundle), shared_namespaces(spec), mounts_of_host(spec), devices_of_host(spec),
                             further_capabilities(spec), missing_walls(spec)})
        if (!part.empty()) opened.push_back(part);
    if (opened.empty()) return {};
    return {cat("the bundle's config.json opens the container to the host: ", join(opened, "; "))};
}

}  // namespace minirun
