// What is written down of a container that an engine drives: the directory ROOT/ID.
//
//   config.json   the document it was made from; what becomes of the bundle's later does not matter (runtime.md)
//   record.json   what else it was made from: the bundle, and what create() was told
//   process       a link that tells which process it is (launch/left_behind)
//   start         the socket on which a created container waits to be started
//
// Each appears whole or not at all, so after a kill -9 at any moment `delete --force` finds what there is to undo.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "minirun/lifecycle.hpp"
#include "model/cgroup_place.hpp"

namespace minirun {

/// No config.json is longer, in bytes.
inline constexpr std::size_t max_config_size = std::size_t{16} << 20;

/// The directory in which all records are: as given, or the default one. Absolute.
std::string record_root(const std::string& given);

/// What record.json holds.
struct Made {
    std::string bundle, rootfs;  ///< absolute
    std::string created;         ///< RFC 3339
    std::string owner;
    unsigned preserve_fds = 0;
    bool pivot_root = true;
    bool new_keyring = true;
    std::string cgroup_manager;  ///< "systemd", "disabled", or empty
    unsigned listen_fds = 0;     ///< of preserve_fds, so many are sockets that were handed on (sd_listen_fds(3))
    std::string notify_socket;   ///< of the host; or empty
    /// Its seccomp profile is minirun's default one, which is known without compiling it.
    bool default_seccomp = false;
};

class ContainerRecord {
public:
    /// Makes the directory. Throws Error{conflict} if there is one, Error{usage} if the id is none.
    static ContainerRecord make(const std::string& root, const std::string& id);
    /// One that is there; throws Error{not_found} otherwise.
    static ContainerRecord open(const std::string& root, const std::string& id);
    static bool exists(const std::string& root, const std::string& id);

    const std::string& id() const { return id_; }
    const std::string& path() const { return path_; }
    std::string process() const { return path_ + "/process"; }

    /// Nobody else changes the container meanwhile, until the end of this object. Throws Error{conflict} if somebody
    /// does and does not come to an end.
    void lock();
    void unlock();

    void write_config(std::string_view text) const;  ///< before it is read
    std::string read_config() const;
    const ContainerSpec& read_spec() const;
    void write(const Made& made) const;
    const Made& read() const;

    /// The socket on which the container waits to be started; close-on-exec.
    Fd listen_for_start() const;
    /// A connection to it; none if it does not wait any more.
    Fd connect_to_start() const;
    void started() const;

    /// What can be seen of it.
    ContainerState observe() const;
    /// A pidfd of its first process; none if that has ended.
    Fd open_process() const;
    pid_t pid() const;

    /// Its cgroup, if it has one.
    std::optional<CgroupPlace> cgroup() const;
    /// Which it is going to be, for who knows already.
    void expect_cgroup(const CgroupPlace& place) const { expected_cgroup_ = place; }

    /// Whether create() has come so far that there is something to tell.
    bool is_made() const;

    void remove() const;

private:
    ContainerRecord(std::string path, std::string id);
    std::string socket_path() const;
    bool waits_for_start() const;

    std::string path_, id_;
    Fd directory_;
    mutable std::optional<CgroupPlace> expected_cgroup_;
    mutable std::optional<ContainerSpec> spec_;  ///< read once: that takes longer than all else
    mutable std::optional<Made> made_;
};

}  // namespace minirun
