// The values of single options of `minirun run`, from text to what RunOptions holds. All throw Error{usage} that
// names the option and the value, unless said otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "minirun/run_options.hpp"

namespace minirun {

std::int64_t size_value(std::string_view option, std::string_view text);
std::chrono::nanoseconds duration_value(std::string_view option, std::string_view text, bool zero_allowed);

/// --env NAME=value; NAME alone takes the host's value, or, if the host has none, removes the image's ("NAME").
std::string env_value(const std::string& text);

/// The assignments of an --env-file. Throws Error: not_found, or bad_input with file and line.
std::vector<std::string> read_env_file(const std::string& path);

/// "nofile=1024:2048".
RlimitSpec ulimit_value(const std::string& text);

/// In place of one of the same type.
void set_limit(RunOptions& options, RlimitSpec limit);

/// "on-failure:3".
RestartPolicy restart_value(const std::string& text);

/// --log-opt max-size=10m, max-file=3, tag=TEXT.
void set_log_option(LogSetting& log, const std::string& text);

/// --artifacts PATH:DIR; the first colon divides.
ArtifactOption artifact_value(const std::string& text);

/// "KEY=VALUE" with a key that is not empty.
std::pair<std::string, std::string> key_value(std::string_view option, const std::string& text);

/// --device PATH[:PATH][:rwm], looked up on the host. Throws Error{not_found} for one that is not there.
DeviceSpec device_value(const std::string& text);

/// Where relative paths begin. Throws Error{system}.
std::string current_directory();

/// Throws Error{not_found} if a volume's source does not exist.
void check_source_exists(std::string_view option, const VolumeOption& volume);

/// "linux/amd64[/v1]": throws Error{unsupported} if this host is another platform.
void check_host_platform(const std::string& platform);

/// The text of a seccomp profile. Throws Error: not_found, or bad_input if it is no JSON.
std::string read_seccomp_file(const std::string& path);

}  // namespace minirun
