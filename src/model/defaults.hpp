// What every container gets unless it is asked otherwise. The lists are those of the OCI engines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "minirun/run_options.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// PATH of an image that sets none.
inline constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// /proc, /dev and what is below it, /sys, /sys/fs/cgroup: parents before children.
std::vector<MountSpec> default_mounts(const RunOptions& options);

/// What tells about the host or could change it, where no namespace hides it: covered, or not writable.
const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();

/// "CAP_CHOWN", …: what a root user of a container can do by default.
const std::vector<std::string>& default_capabilities();

/// The namespaces of a container with these options; all of them new ones.
std::vector<Namespace> default_namespaces(const RunOptions& options);

/// The ids of a container with a user namespace of its own: 65536 from 0, at a place that its id chooses in the range
/// that systemd sets aside for containers (524288 to 1879048191, systemd's UIDS-GIDS). `id` is in hex digits.
IdMapping default_id_mapping(std::string_view id);

/// How many files a tmpfs of `size` bytes may have: one without content takes memory, too, and is not counted in the
/// size.
constexpr std::int64_t files_within(std::int64_t size) {
    constexpr std::int64_t fewest = 1024, bytes_a_file = 2048;
    return size / bytes_a_file < fewest ? fewest : size / bytes_a_file;
}

}  // namespace minirun
