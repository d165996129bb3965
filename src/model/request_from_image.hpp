// From an image and the options of a run to the one description of a launch.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// What has to be read from the image's layers.
struct ImageFiles {
    std::string passwd, group;  ///< the text of /etc/passwd and /etc/group; empty where the image has none
    /// The host's directories that make up a directory of the image, topmost first; none if the image has none
    /// there. Called for anonymous volumes that the writable layer cannot hold.
    std::function<std::vector<std::string>(const std::string& path)> directory_stack;
};

/// What has to be known of the host and of the place that this container has on it.
struct HostFacts {
    std::string id;                  ///< 64 hex digits
    std::string container_dir;       ///< absolute path of the container's own directory
    std::string process_record;      ///< absolute path at which it is noted down which process the container is
    std::string seccomp_cache;       ///< absolute path of the directory with compiled filters; empty: none
    std::string hostname;            ///< the host's own, for --uts host
    std::string hosts, resolv_conf;  ///< the text of the host's /etc/hosts and /etc/resolv.conf, for --network host
    std::string_view default_seccomp_profile;  ///< the profile's text, which lasts
    /// What --cap-add ALL and --privileged stand for (bit n is capability n): what minirun itself holds.
    std::uint64_t capabilities = ~std::uint64_t{0};
    std::vector<DeviceSpec> devices;  ///< the host's, for --privileged
    /// Masked beside the default ones: /sys/devices/system/cpu/cpu*/thermal_throttle, of the CPUs that have it.
    std::vector<std::string> masked_paths;
};

/// The launch of an image (all forms but a runtime bundle). Pure: looks at nothing but its arguments.
///
/// Throws Error: usage where an option is wrong, bad_input where the image is.
LaunchRequest request_from_image(const Image& image, const RunOptions& options, const ImageFiles& files,
                                 const HostFacts& host);

/// The launch of a runtime bundle: its config.json as it is. Options that belong to the launch or replace a value of
/// the process apply; one that the config.json has decided already (mounts, namespaces, …) is refused by name. Where
/// the environment lacks HOME it is the user's.
LaunchRequest request_from_runtime_spec(const Image& image, const RunOptions& options, const ImageFiles& files,
                                        const HostFacts& host);

}  // namespace minirun
