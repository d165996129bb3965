// What containers that run have in common: their layers on disk and in memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minirun {

/// The memory of processes, in bytes: /proc/PID/smaps_rollup (proc_pid_smaps_rollup(5)).
struct ProcessMemory {
    std::uint64_t resident = 0;      ///< Rss: each page counted for everyone who has it
    std::uint64_t proportional = 0;  ///< Pss: each page shared out among those who have it
    std::uint64_t own = 0;           ///< Private_Clean and Private_Dirty: what nobody else has
};

/// One of the containers.
struct ContainerSharing {
    std::string id, name, image_name;
    std::size_t processes = 0;
    ProcessMemory memory;  ///< of all of them
};

/// A layer below at least one of the containers.
struct LayerSharing {
    std::string name, path;               ///< as in Image::layers
    std::vector<std::string> containers;  ///< names of those that have it
    std::uint64_t disk_bytes = 0;         ///< what it takes on its disk, once
    std::uint64_t cached_bytes = 0;       ///< what of its files is in the page cache, once
};

/// A file of a layer that processes of several containers have mapped: the same file, not copies.
struct MappedFile {
    std::string path;   ///< in the containers
    std::string layer;  ///< its name
    unsigned device_major = 0, device_minor = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0, cached_bytes = 0;
    /// Who has it.
    struct Mapping {
        std::string container;
        pid_t process = 0;  ///< one that has it, as the host sees it
    };
    std::vector<Mapping> mappings;  ///< one for each container
};

/// All that was found.
struct Sharing {
    std::vector<ContainerSharing> containers;
    std::vector<LayerSharing> layers;  ///< in the order in which they lie, lowest first
    std::vector<MappedFile> files;     ///< the largest in memory first
};

/// Of these containers (see Containers), or of all that run. Reads the processes' maps, and the layers' files once.
/// Needs root. Throws Error: not_found; conflict if one that is named does not run.
Sharing sharing_of(const std::vector<std::string>& words);

}  // namespace minirun
