// Where minirun keeps its data and state.
#pragma once

#include <string>

namespace minirun {

struct Paths {
    std::string data;  ///< $MINIRUN_ROOT, or /var/lib/minirun; for a user $XDG_DATA_HOME/minirun
    /// $MINIRUN_ROOT/run, or /run/minirun; for a user $XDG_RUNTIME_DIR/minirun. An entry that does not begin with '.'
    /// is a container that an engine drives.
    std::string state;
    std::string containers;      ///< a directory for each container: its writable layer, its lock
    std::string names;           ///< symbolic links from names to ids
    std::string processes;       ///< for each container that runs, which process it is: see record_process()
    std::string seccomp;         ///< compiled filters
    std::string networks;        ///< a file for each network that containers share
    std::string networks_state;  ///< what is of one boot of those: see lock_networks()
};

/// From the environment: MINIRUN_ROOT, XDG_DATA_HOME, XDG_RUNTIME_DIR, HOME.
Paths default_paths();

/// What to do where the data directory does not take what it has to hold.
inline constexpr const char* root_hint = "set MINIRUN_ROOT to a directory that can be written, with space left";

/// mkdir -p with mode 0700: what lies below is nobody else's business (CVE-2021-41091).
void make_private_directories(const std::string& path);

}  // namespace minirun
