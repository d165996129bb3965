// Where the root file system of a container that stays is, on the host's disk.
#pragma once

#include <string>
#include <vector>

#include "minirun/image.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {

struct ContainerRoot {
    enum class Kind {
        layers,     ///< an overlay of layers and a writable layer
        read_only,  ///< of layers alone
        in_memory,  ///< the writable layer goes with each run
        directory,  ///< a ready root file system
    };
    Kind kind = Kind::layers;
    std::vector<Layer> layers;  ///< lowest first
    std::string
        upper;        ///< of Kind::layers: absolute path of the writable layer, which is not there before the first run
    std::string own;  ///< absolute path of the container's own directory: what is made there goes before its next run
    std::string directory;  ///< of Kind::directory: absolute path
};

/// Throws Error.
ContainerRoot root_of(const StoredContainer& container);

}  // namespace minirun
