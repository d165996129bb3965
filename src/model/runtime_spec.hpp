// The OCI runtime specification's config.json <-> ContainerSpec.
#pragma once

#include <string>
#include <string_view>

#include "minirun/spec.hpp"

namespace minirun {

/// Reads a config.json of the OCI runtime specification 1.x and checks it (see check_spec()).
///
/// Throws Error{bad_input} with `file` and all problems, each with the path of its key. Keys that the specification
/// does not know are ignored (config.md "Extensibility"); known keys that would change the container and that
/// minirun cannot honour are problems ("… is not supported yet"). Relative paths (root.path, the sources of bind
/// mounts) stay relative: they start at the bundle's directory.
ContainerSpec parse_runtime_spec(std::string_view text, const std::string& file);

/// Reads a document that is a `process` alone, for another process in a container of `spec`, and checks it. Without
/// capabilities of its own it gets those of the container's. Throws Error{bad_input}.
ProcessSpec parse_process(std::string_view text, const std::string& file, const ContainerSpec& spec);

/// The config.json of a spec, indented, keys in the order of the specification's Go bindings, which is how engines
/// write it: parse_runtime_spec() gives the spec back. Throws Error{bad_input} if a string is not UTF-8.
std::string runtime_spec_json(const ContainerSpec& spec);

/// "mount", "pid", "network", … (config-linux.md "Namespaces").
std::string_view namespace_word(NamespaceType type) noexcept;

/// Whether the mount shows a part of the host's tree.
bool is_bind(const MountSpec& mount);

/// What the spec says about the namespace of this type; null if the host's is kept.
inline const Namespace* find_namespace(const ContainerSpec& spec, NamespaceType type) {
    for (const auto& one : spec.linux_.namespaces)
        if (one.type == type) return &one;
    return nullptr;
}

/// Whether the spec asks for a namespace of this type that is new (no path).
inline bool has_new_namespace(const ContainerSpec& spec, NamespaceType type) {
    const auto* one = find_namespace(spec, type);
    return one != nullptr && one->path.empty();
}

/// The host's id for one of the container; the same where nothing maps it.
inline std::uint32_t mapped_id(const std::vector<IdMapping>& mappings, std::uint32_t id) {
    for (const auto& one : mappings)
        if (id >= one.container_id && id - one.container_id < one.size) return one.host_id + (id - one.container_id);
    return id;
}

}  // namespace minirun
