// What both ways to a LaunchRequest have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/request_from_image.hpp"

namespace minirun {

/// Everything of a request but the spec, the root and the files: names, streams, supervision. `image_stop_signal` is
/// what counts without --stop-signal; empty: SIGTERM.
LaunchRequest request_around(const RunOptions& options, const HostFacts& host, const std::string& image_stop_signal);

/// Sets NAME=value in an environment: in the place that NAME has already, or at the end. A bare "NAME" removes it.
void set_variable(std::vector<std::string>& env, std::string_view assignment);

bool has_variable(const std::vector<std::string>& env, std::string_view name);

/// HOME, where the environment lacks it, as the container's passwd file has it: engines leave that to the runtime.
void add_home(ProcessSpec& process, const ImageFiles& files);

/// --workdir, checked; or the other one; or "/".
std::string working_directory(const RunOptions& options, const std::string& otherwise);

/// What the options say of the container's resources and the place of its cgroup.
void set_resources(LinuxSpec& spec, const RunOptions& options, std::string_view id);

/// Throws Error{usage} if both --read-only and --tmpfs-upper are given.
void refuse_two_uppers(const RunOptions& options);

/// check_spec() with all problems in one Error{bad_input} about `what`.
void require_valid(const ContainerSpec& spec, const std::string& what);

}  // namespace minirun
