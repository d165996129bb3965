// An image: what to run (its config) and the layers that make its root file system.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minirun/health.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// The execution part of an image config (OCI image specification, config.md, "Properties", key `config`).
///
/// Only these keys ever change what runs; labels never do (CVE-2026-53488).
struct ImageConfig {
    std::string architecture;  ///< GOARCH word: "amd64", "arm64", …
    std::string os;            ///< "linux"
    std::string variant;       ///< "v7", "v8", or empty
    std::string user;          ///< "", "name", "uid", "uid:gid", "name:group"
    std::vector<std::string> env;
    std::vector<std::string> entrypoint, cmd;
    std::string working_dir;
    std::string stop_signal;
    std::vector<std::string> exposed_ports;  ///< "80/tcp", sorted
    std::vector<std::string> volumes;        ///< absolute paths, sorted
    std::map<std::string, std::string> labels;
    HealthCheck health;                 ///< HEALTHCHECK, or nothing
    std::vector<std::string> diff_ids;  ///< rootfs.diff_ids, lowest first
};

/// One layer: a directory in overlayfs form (whiteouts are 0/0 character devices).
struct Layer {
    std::string name;  ///< the entry's name in the bundle, "01-debian"
    std::string path;  ///< absolute, symbolic links resolved
};

/// An image that was found and read: the thing `minirun run` runs.
struct Image {
    /// Which of the accepted forms config.json has.
    enum class Form { image_config, docker_inspect, runtime_bundle, plain_rootfs };

    std::string name;         ///< as the user named it
    std::string id;           ///< of an image in the store, 64 hex digits; otherwise empty
    std::string directory;    ///< absolute path of the bundle's directory
    std::string config_file;  ///< absolute path of the JSON document; empty for a plain rootfs
    Form form = Form::image_config;
    ImageConfig config;                         ///< of all forms but runtime_bundle
    std::optional<ContainerSpec> runtime_spec;  ///< of form runtime_bundle only
    std::vector<Layer> layers;                  ///< lowest first; one for a plain rootfs and a runtime bundle
};

/// Finds and reads an image by what a person types: a bundle directory, a JSON document of `docker image inspect`,
/// or a name in one of the directories of MINIRUN_BUNDLE_PATH.
///
/// Reads only; needs no root. The layers are checked to exist. Throws Error: not_found when nothing has that name
/// (the hint lists where it looked), bad_input with the file and the key when the document is wrong.
Image open_image(std::string_view name);

/// A plain directory as the only layer, with an empty config (`minirun run --rootfs DIR`).
Image open_plain_rootfs(std::string_view directory);

/// Throws Error{unsupported} if the image is for another architecture or operating system than this host's.
void check_platform(const Image& image);

}  // namespace minirun
