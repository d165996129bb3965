#include "runtime/container_files.hpp"

#include <cerrno>

#include "base/text.hpp"
#include "kernel/credentials.hpp"
#include "kernel/system_error.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/container_root.hpp"
#include "runtime/container_view.hpp"
#include "runtime/mounts_root.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

std::uint32_t id_inside(const std::vector<IdMapping>& mappings, std::uint32_t id) {
    for (const auto& one : mappings)
        if (id >= one.host_id && id - one.host_id < one.size) return one.container_id + (id - one.host_id);
    return id;
}

// Not by /proc/PID/root: that is where the process says that its root is.
Fd root_of_running(const StoredContainer& container) {
    // Whoever starts it holds the lock as long as the host's tree is in its mounts.
    auto locked = container.record();
    locked.lock();
    const auto record = container.path() + "/process";
    const auto mounts = open_mount_namespace(recorded_pid(record));
    // The number was its own when it was used only if the process is still there.
    if (!mounts || !open_recorded_process(record))
        throw Error(ErrorKind::conflict, cat("container ", quote(container.facts().name), " has ended just now"),
                    "try again");
    int error = 0;
    auto root = root_of_mounts(mounts, error);
    if (!root)
        throw system_error("cannot enter the container's mounts", error, error == EPERM ? "run it with sudo" : "");
    return root;
}

}  // namespace

ContainerFiles::ContainerFiles(const Paths& paths, const std::string& word, bool writable) {
    auto container = StoredContainer::find(paths, word);
    const auto phase = container.observe().phase;
    if (phase == ContainerPhase::running || phase == ContainerPhase::paused) {
        root_ = root_of_running(container);
        const auto spec = container.record().read_spec();
        users_ = spec.linux_.uid_mappings;
        groups_ = spec.linux_.gid_mappings;
    } else {
        still_ = hold_still(container, writable);
        if (!still_)
            throw Error(ErrorKind::conflict,
                        cat("container ", quote(word), " is being started, or another minirun cp writes to it"),
                        "try again");
        root_ = mount_view(root_of(container), writable);
    }
    if (!writable) return;
    if (const auto done = kernel::create_as(user_from(0), group_from(0)); !done)
        throw system_error("cannot make files as the container's root", done.error());
}

std::uint32_t ContainerFiles::user_from(std::uint32_t id) const { return mapped_id(users_, id); }
std::uint32_t ContainerFiles::group_from(std::uint32_t id) const { return mapped_id(groups_, id); }
std::uint32_t ContainerFiles::user_in(std::uint32_t id) const { return id_inside(users_, id); }
std::uint32_t ContainerFiles::group_in(std::uint32_t id) const { return id_inside(groups_, id); }

}  // namespace minirun
