// What the checks of a ContainerSpec share. For runtime_spec*_checks.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.hpp"
#include "base/text.hpp"
#include "minirun/spec.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {

/// `.process`, with the capabilities and limits it is to have.
void check_process(const ContainerSpec& spec, Problems& problems);
/// The namespaces, and what only makes sense in one that is the container's own.
void check_namespaces(const ContainerSpec& spec, Problems& problems);

/// ".process.args[3]"
inline std::string at(std::string_view list, std::size_t index) { return cat(list, '[', index, ']'); }

/// Not the host's: new, or joined by a path that does not plainly name the namespace that minirun itself is in.
bool has_own(const ContainerSpec& spec, NamespaceType type);

/// Whether two ranges of ids have one in common.
bool overlap(std::uint32_t a, std::uint32_t a_size, std::uint32_t b, std::uint32_t b_size);
/// What the kernel wants of every line of a uid_map or gid_map, user_namespaces(7).
void check_mappings(std::string_view path, const std::vector<IdMapping>& mappings, Problems& problems);

}  // namespace minirun
