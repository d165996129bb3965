// A container's directory on the host, and what becomes of it.
#pragma once

#include <future>
#include <string>

#include "base/fd.hpp"
#include "model/paths.hpp"

namespace minirun {

/// 64 random hex digits.
std::string new_container_id();

/// Throws Error{usage} unless it matches [A-Za-z0-9][A-Za-z0-9_.-]*.
void check_container_name(const std::string& name);
/// The same of a network.
void check_network_name(const std::string& name);
/// The same of an id that an engine or a person has chosen: at most as long as the name of a file.
void check_container_id(const std::string& id);

/// Whether this directory is that of a container that stays when its owner ends: see StoredContainer.
bool is_stored_container(const std::string& directory) noexcept;

/// The directory containers/ID. It is held by an flock(2) for as long as its owner lives; whoever can take the lock of
/// a directory knows that its owner is gone, and removes it. The lock is the whole bookkeeping: a kill -9 at any
/// moment leaves nothing but a directory without a lock.
class ContainerDirectory {
public:
    /// Makes and locks it, and takes the name if there is one. Throws Error{conflict} if the name is taken.
    ContainerDirectory(const Paths& paths, const std::string& id, const std::string& name);
    ~ContainerDirectory();
    ContainerDirectory(const ContainerDirectory&) = delete;
    ContainerDirectory& operator=(const ContainerDirectory&) = delete;
    /// Whoever finds it has all it needs to remove it some day: it stays, and is nobody's.
    void keep() noexcept;

private:
    std::string path_;
    std::string process_record_;
    std::string name_link_;
    Fd lock_;
};

/// Makes the name lead to this container. Throws Error{conflict} if it is another one's.
void take_container_name(const Paths& paths, const std::string& id, const std::string& name);

/// Removes the directories whose owners are gone, with the processes that they have left, and the names that lead to
/// none.
void sweep(const Paths& paths) noexcept;

/// Takes down the networks of containers whose owners are gone: of what sweep() does that which is in the way of
/// another one's network, its ports and its addresses.
void sweep_networks(const Paths& paths) noexcept;

/// sweep() in a thread, if there is anything to sweep: it may take minutes, and a container that runs has to be watched
/// over meanwhile. At the end of the scope it gets a moment to finish; what it does not get done then goes on beside,
/// or the next command does it.
class Sweeper {
public:
    explicit Sweeper(const Paths& paths) noexcept;
    ~Sweeper();
    Sweeper(const Sweeper&) = delete;
    Sweeper& operator=(const Sweeper&) = delete;

private:
    std::future<void> done_;
};

}  // namespace minirun
