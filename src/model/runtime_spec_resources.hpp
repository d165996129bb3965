// .linux.resources of a config.json <-> Resources; the same document alone is what `update --resources` takes.
#pragma once

#include <string>
#include <string_view>

#include "base/json_fwd.hpp"
#include "minirun/resources.hpp"

namespace minirun {

/// Reads a value of .linux.resources; problems are told where it stands. Absent: no limits.
Resources read_resources(const JsonView& view);

/// Adds every problem of resources, each with its path below `path` (".linux.resources").
void check_resources(const Resources& resources, std::string_view path, Problems& problems);

/// Reads and checks a document that holds nothing but resources. Throws Error{bad_input} with all problems.
Resources parse_resources(std::string_view text, const std::string& file);

/// What read_resources() reads; an empty object without limits.
nlohmann::ordered_json resources_json(const Resources& resources);

}  // namespace minirun
