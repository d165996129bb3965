// What an image is made of and what its container would be: facts, found live, without starting anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// The half that no image brings: the kernel and what booted it.
struct BootfsFacts {
    /// A file of a layer that belongs to a kernel. It is data like any other: a container never boots it.
    struct KernelFile {
        std::string layer;
        std::string path;  ///< as the container sees it
        bool operator==(const KernelFile&) const = default;
    };
    std::string kernel_release;  ///< uname -r
    std::string machine;         ///< uname -m
    std::string boot_image;      ///< as the boot loader named it, or below /boot; empty: not visible from here
    std::string command_line;    ///< /proc/cmdline
    std::vector<KernelFile> kernel_files;
    std::string problem;  ///< why a layer could not be searched for them; empty: all were
};

/// One layer of the image, and what it does to those below it. Of a layer that could not be read whole (see
/// `problem`), the numbers are those of its readable part, or 0.
struct LayerFacts {
    std::string name;           ///< the entry in the bundle: "02-nginx"
    std::string path;           ///< on this host, symbolic links resolved
    bool shared = false;        ///< lies outside of the bundle's own directory: other bundles can use the same files
    std::uint64_t bytes = 0;    ///< lengths of its files, hard links counted once
    std::uint64_t added = 0;    ///< files that are new
    std::uint64_t changed = 0;  ///< files that replace one of a lower layer
    std::uint64_t deleted = 0;  ///< files and directories of lower layers that it hides with a whiteout
    std::uint64_t whiteouts = 0;
    std::uint64_t opaque_directories = 0;  ///< directories that hide all that lower layers have in them
    std::uint64_t directories_added = 0;
    std::uint64_t hard_links = 0;              ///< further names of the same file
    std::uint64_t unreadable_directories = 0;  ///< not counted, because this user must not look into them
    std::string problem;                       ///< why it could not be counted; empty: it was
};

/// A file system that is mounted over a place of the root file system.
struct MountFacts {
    std::string destination;
    std::string type;    ///< "proc", "tmpfs", "overlay", … or "bind"
    std::string source;  ///< of a bind mount: the path on this host
    bool read_only = false;
};

/// The root file system: the half that the image brings.
struct RootfsFacts {
    /// Where the container's own changes go.
    enum class Upper { disk, memory, none, in_place };
    std::vector<LayerFacts> layers;  ///< lowest first
    Upper upper = Upper::disk;       ///< in_place: the directory itself is changed
    bool read_only = false;
    std::uint64_t bytes = 0;                  ///< of all layers
    std::string operating_system;             ///< PRETTY_NAME of its os-release; empty: it has none
    std::string host_operating_system;        ///< the same of this host
    std::vector<MountFacts> mounts;           ///< in the order in which they are made
    std::vector<std::string> provided_files;  ///< files that minirun puts over the image's: "/etc/hosts"
};

/// What the layers have at one path.
struct PathFacts {
    /// What one layer does there.
    struct Event {
        /// How it changes what the layers below it have there.
        enum class What {
            adds,      ///< nothing was there below
            replaces,  ///< hides what is there below
            merges,    ///< a directory over a directory
            opaque,    ///< a directory that hides what the one below holds
            deletes,   ///< a whiteout
            nothing,   ///< a whiteout of something that is not there
        };
        std::string layer;
        What what = What::adds;
        std::string at;        ///< the path itself, or the parent at which it happens
        bool visible = false;  ///< this is what the container sees
    };
    /// What the container sees there; a link is not followed.
    enum class Type { none, file, directory, symlink, other };

    std::string asked;           ///< as it was asked for; of an example, the path
    std::string path;            ///< with the symbolic links on the way resolved
    bool example = false;        ///< found by explain() itself
    Type type = Type::none;      ///< none: the container sees nothing there
    std::string layer;           ///< the layer that it comes from; of a directory, the topmost one
    std::string leads_to;        ///< of a symbolic link: where it ends in the container
    std::string leads_to_layer;  ///< the layer of what is there; empty: nothing is
    std::uint64_t bytes = 0;
    std::string covered_by;  ///< the mount or provided file of the container that lies over all layers there, or empty
    std::vector<Event> history;  ///< topmost layer first
    std::string problem;         ///< why the layers could not be looked at there; empty: they were
};

/// The process that would run.
struct ProcessFacts {
    /// A group of the process.
    struct Group {
        std::uint32_t gid = 0;
        std::string name;  ///< in the image's /etc/group; empty: it is not there
    };
    /// A file that is executed or that the kernel loads for it: the command, its interpreter, that one's own.
    struct Program {
        std::string path;        ///< as it is named
        std::string resolved;    ///< symbolic links resolved; empty: there is none in the image
        std::string layer;       ///< or empty
        std::string covered_by;  ///< the mount that it comes from instead, or empty
        bool executable = true;
        std::string named_by;  ///< of an interpreter: "its #! line"; of the command: empty
    };
    std::vector<std::string> argv;
    std::vector<Program> programs;      ///< the command first; empty: it is in none of `searched`
    std::vector<std::string> searched;  ///< where the command is looked for
    std::string user_name;              ///< in the image's /etc/passwd; empty: it is not there
    std::uint32_t uid = 0;
    Group group;
    std::vector<Group> supplementary_groups;
    std::vector<std::string> env;
    std::string working_directory;
    std::string hostname;
    bool hostname_is_id = false;             ///< the beginning of the container's id: another one each time
    std::string stop_signal;                 ///< "SIGTERM"
    std::vector<std::string> exposed_ports;  ///< "80/tcp"
    std::vector<std::string> volumes;        ///< of the image
    bool terminal = false;
    bool init = false;    ///< a reaper is pid 1
    std::string problem;  ///< why the programs could not be looked up; empty: they were
};

/// What the process is kept from. All of it is read from the launch plan.
struct IsolationFacts {
    /// One kind of namespace.
    struct NamespaceFacts {
        /// A new one, that of another container, or the host's.
        enum class Mode { own, joined, host };
        std::string name;  ///< "mount", "pid", …
        Mode mode = Mode::own;
        std::string path;  ///< of one that is joined
        std::string why;   ///< what that means: a sentence
    };
    /// Loopback only, the host's, that of another container, one of its own that pasta connects to the host's,
    /// or one that it shares with others.
    enum class Network { none, host, joined, pasta, bridge };
    /// A resource limit (getrlimit(2)).
    struct Limit {
        std::string name;  ///< "RLIMIT_NOFILE"
        std::uint64_t soft = 0, hard = 0;
    };
    std::vector<NamespaceFacts> namespaces;  ///< all eight kinds
    std::vector<IdMapping> uid_mappings, gid_mappings;
    Network network = Network::none;
    std::vector<std::string> published_ports;         ///< "127.0.0.1:8080->80/tcp"
    std::vector<std::string> capabilities_kept;       ///< the bounding set: what it and its children can ever hold
    std::vector<std::string> capabilities_dropped;    ///< the rest of what this kernel knows
    std::vector<std::string> capabilities_effective;  ///< what the process begins with
    bool no_new_privileges = false;
    bool seccomp = false;  ///< there is a filter
    std::uint64_t seccomp_instructions = 0;
    std::uint64_t syscalls_known = 0;               ///< that have a name here
    std::vector<std::string> syscalls_denied;       ///< whatever their arguments
    std::vector<std::string> syscalls_conditional;  ///< with some arguments
    std::vector<std::string> masked_paths, readonly_paths;
    std::vector<std::string> devices;  ///< "/dev/null", …
    std::vector<Limit> limits;
    std::vector<std::pair<std::string, std::string>> sysctls;  ///< path below /proc and value
    std::optional<std::chrono::nanoseconds> timeout;
    bool privileged = false;
};

/// One step of the launch, in words.
struct StepFacts {
    std::string phase;  ///< "host", "clone", "child" or "inside"
    std::string name;   ///< "mount_overlay"
    std::string text;   ///< what is done
    std::string why;    ///< a sentence
};

/// All of it.
struct Explanation {
    std::string image;  ///< its name
    BootfsFacts bootfs;
    RootfsFacts rootfs;
    std::vector<PathFacts> paths;  ///< those asked for; if none were, up to three that show how layers hide files
    ProcessFacts process;
    IsolationFacts isolation;
    std::vector<StepFacts> plan;
    std::vector<std::string> notices;  ///< what run() would remark on standard error
};

/// Explains what run() would do with the same arguments: from the same launch request and plan, the image's layers
/// and this host. `paths` are paths in the container of which to tell the layer.
///
/// Reads only, and needs no root; walks all layers. Throws Error as run() does for wrong options and wrong images. A
/// command that is not in the image is no error here but a fact.
Explanation explain(const Image& image, const RunOptions& options, const std::vector<std::string>& paths = {});

}  // namespace minirun
