// The files of a container, as other commands get at them: one that runs by its mount namespace, with its volumes, one
// that does not by a mount of its root file system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "minirun/spec.hpp"
#include "model/paths.hpp"

namespace minirun {

class ContainerFiles {
public:
    /// A container that does not run is not started as long as this lives. To be made by a process of one thread, which
    /// with `writable` makes files as the container's root from here on. Throws Error.
    ContainerFiles(const Paths& paths, const std::string& word, bool writable);

    /// An O_PATH descriptor of its root. Whatever is opened from it is to be resolved within it.
    const Fd& root() const { return root_; }
    /// The number by which this process knows an owner that is `id` in the container; and the other way round.
    std::uint32_t user_from(std::uint32_t id) const;
    std::uint32_t group_from(std::uint32_t id) const;
    std::uint32_t user_in(std::uint32_t id) const;
    std::uint32_t group_in(std::uint32_t id) const;

private:
    Fd still_, root_;
    std::vector<IdMapping> users_, groups_;  // of one that runs: on the disk they are the container's own
};

}  // namespace minirun
