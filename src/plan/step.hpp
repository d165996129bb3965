// The steps of a launch. Each is a small trivially copyable struct that says everything the executor needs: the
// child walks the list after clone3, where nothing can be looked up, allocated or decided any more.
//
// A new step is added here, executed in launch/ (child_steps.cpp or host_steps.cpp), and told in plan/describe.cpp;
// the compiler asks for all three.
#pragma once

#include <linux/bpf.h>
#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/arena.hpp"
#include "minirun/spec.hpp"

namespace minirun {

/// The descriptors that steps hand to each other. A path of a step is always relative to one of them.
enum class Slot : std::uint8_t {
    none,
    host,      ///< paths of the host, before pivot_root
    root,      ///< the root of the container's tree
    dev,       ///< the container's /dev
    proc,      ///< the container's own procfs
    sys,       ///< the container's sysfs
    provided,  ///< a small tmpfs: the files that are provided over the image's own, and what paths are masked with
    upper,     ///< a tmpfs that holds the writable layer
    userns,    ///< the container's user namespace
    network,   ///< the container's namespaces of these types, where they belong to its user namespace
    ipc,
    uts,
    count,
};

/// What to make at a target if nothing is there; `like_source` is for bind mounts.
enum class Create : std::uint8_t { no, directory, file, like_source };

struct Target {
    Slot at = Slot::root;
    const char* path = "";  ///< resolved inside the slot's tree, whatever symbolic links it meets
    Create create = Create::no;
    /// No part of the path may be a symbolic link: where an image's /proc or /sys leads elsewhere, what is masked there
    /// and what is written there for the container's safety would be elsewhere, too (CVE-2019-19921).
    bool no_links = false;
};

/// One parameter of a file system; without a value it is a flag. See fsconfig(2).
struct FsOption {
    const char* key = nullptr;
    const char* value = nullptr;
};

/// By which user namespace the ids of a mount are mapped.
struct Idmap {
    bool wanted = false;
    bool recursive = false;  ///< those of the mounts below it, too
    int number = -1;         ///< of op::MakeIdmap, in their order; -1: Slot::userns
};

namespace op {

// In the parent, before the clone. Each is undone when the container is gone.
/// With the parents that are missing, which get the same mode.
struct HostDirectory {
    const char* path;
    mode_t mode;
    const char* like = nullptr;  ///< a directory whose mode and owner it gets instead, or null
};
struct HostFile {
    const char* path;
};
struct HostSymlink {
    const char* path;
    const char* target;
};
/// A private copy of a layer.
struct CopyLayer {
    const char* source;
    const char* path;
};
struct TimeNamespace {
    std::int64_t monotonic_seconds, boottime_seconds;
    std::uint32_t monotonic_nanoseconds, boottime_nanoseconds;
};
/// The pid namespace of another container: only by birth does a process get into one (pid_namespaces(7)).
struct JoinPidNamespace {
    const char* path;
};
/// Becomes Slot::userns. Made before the container is, because its id maps are needed for the layers.
struct MakeUserNamespace {
    std::span<const IdMapping> uids, gids;
    std::uint64_t owns = 0;  ///< CLONE_NEW* of what is made in it, and becomes Slot::network, ipc and uts
};
/// A user namespace for its id maps alone: those of an idmapped mount.
struct MakeIdmap {
    std::span<const IdMapping> uids, gids;
};
/// A copy of the host's mounts at a path that stays in their peer groups: what the container mounts in it shows on the
/// host, too. Made before the clone, since behind op::SetPropagation nothing of the host's is shared any more.
struct ClonePeer {
    const char* source;
    bool recursive;
};
/// One that is there already becomes Slot::userns.
struct OpenUserNamespace {
    const char* path;
};
/// A unit of systemd, whose cgroup is the container's.
struct StartScope {
    const char* unit;
    std::span<const char* const> words;  ///< for minirun-systemd; the empty one is the number of a process
};
/// The container's cgroup in one hierarchy, with the parents that are missing.
struct MakeCgroup {
    const char* mount;
    const char* path;
    bool v2;
};
/// A file of a cgroup.
struct SetCgroup {
    const char* path;
    std::span<const char> value;
    const char* key;  ///< where it was asked for
};
/// Which devices the processes of a cgroup of v2 may use.
struct LimitDevices {
    const char* cgroup;
    std::span<const bpf_insn> program;
};
/// Hands a cgroup of v2 over to a user: who it is may make cgroups below it, and has no say in its limits.
struct DelegateCgroup {
    const char* path;
    uid_t uid;
};

// The clone.
struct CloneProcess {
    std::uint64_t flags;           ///< CLONE_NEW*
    bool in_memory;                ///< CLONE_VM: in minirun's own memory until it execs, which saves copying it
    const char* cgroup = nullptr;  ///< of v2: the process is born in it
};

// In the parent, after the clone, while the child is at work.
/// The process that held the container's place in its scope goes.
struct ReleaseScope {};
/// Notes down which process it is, so that after a kill -9 of minirun the next command can end it.
struct RecordProcess {
    const char* path;
    bool ends_all;  ///< its end is that of all others: it is the first one of a pid namespace
};
/// The container's mounts stay when it has ended, to be looked at.
struct KeepMounts {};
/// Until the child has come to AwaitParent: the tree is made, and nothing of the image runs.
struct AwaitChild {};
/// A network device of the host becomes the container's.
struct MoveNetDevice {
    const char* device;
    const char* name;  ///< in the container
};
/// A program of the host that is told about the container: config.md "POSIX-platform Hooks".
struct RunHook {
    const char* kind;  ///< "createRuntime", …
    const char* path;
    const char* const* argv;
    const char* const* envp;
    int timeout;                  ///< seconds; 0: none
    std::uint64_t namespaces;     ///< CLONE_NEW* of the container that it runs in; 0: all of the host's
    const char* directory;        ///< where it starts, if it runs in those of the host
    std::span<const char> state;  ///< the state's JSON up to where the pid follows
};

/// Ports of the host that lead into the container.
struct PortForward {
    const char* address;  ///< of the host; empty: all of its addresses
    std::uint16_t host_port, container_port, count;
    bool udp;
};
/// pasta(1) between the container's network namespace and this one, from here to the container's end.
struct StartPasta {
    const char* const* argv;
    const char* record;  ///< where it is noted down which process it is
    std::span<const PortForward> ports;
};

/// One end of a network that containers share.
struct BridgeEnd {
    const char* network;
    const char* interface;  ///< in the container
    const char* addresses;
    std::span<const char> input;  ///< for netavark(1)
    bool names;                   ///< aardvark-dns(1) knows the containers on it
};
/// netavark(1) connects the container's network namespace to bridges of this one, up to the container's end.
struct ConnectBridges {
    std::span<const BridgeEnd> ends;
    std::span<const PortForward> ports;
    const char* record;  ///< the file that tells what is to be taken down
    const char* state;   ///< the directory of all networks' state
};

// In the child: the namespace and the tree.
/// Nobody can look into this process, which still has minirun's memory, through a namespace that it joins
/// (CVE-2016-9962).
struct Undumpable {};
struct DieWithParent {};
/// A cgroup of v1, entered by the one thread that is to be in it: the kernel then need not stop all forks of the
/// machine, as it does for a process that is moved by its number, which takes 5 to 20 ms.
struct EnterCgroup {
    const char* tasks;  ///< the file
};
/// After the cgroups are entered: they are what it shows as the root.
struct NewCgroupNamespace {};
struct JoinNamespace {
    const char* path;
    std::uint64_t type;  ///< CLONE_NEW*
};
/// A namespace that MakeUserNamespace has made.
struct EnterOwned {
    Slot which;
    std::uint64_t type;  ///< CLONE_NEW*
};
struct EnterDirectory {
    Slot at;
    const char* path;
};
/// A directory becomes a slot. No part of it may be a symbolic link.
struct KeepDirectory {
    Slot at;  ///< Slot::none: the root of this process
    const char* path;
    Slot keep_as;
    bool make;  ///< if it is missing
};
/// Of the mount at "/", and with MS_REC of all below it.
struct SetPropagation {
    unsigned long flags;  ///< MS_REC | MS_SLAVE, …
};
/// The overlay of the layers, attached at `mountpoint`; becomes Slot::root.
struct MountOverlay {
    std::span<const char* const> lower;  ///< topmost first
    std::span<const FsOption> options;   ///< upperdir, workdir, volatile, …
    std::uint64_t attributes;            ///< MOUNT_ATTR_*
    const char* mountpoint;
    /// For kernels without lowerdir+ (before Linux 6.7): the option string of mount(2), with short relative names
    /// because it has to fit a page; otherwise null.
    const char* mount_data;
};
/// A directory of the host as the root; becomes Slot::root.
struct BindRoot {
    const char* source;
    const char* mountpoint;
};
/// A directory of the host at another place of it, with its files' ids mapped as in Slot::userns: what is 0 on disk
/// is the container's root.
struct BindIdmapped {
    const char* source;
    const char* mountpoint;
};
/// From here on, whatever is made belongs to this user: the container's root.
struct CreateAs {
    uid_t uid;
    gid_t gid;
};
struct MountFilesystem {
    const char* type;
    const char* source;  ///< what mount(8) shows before "on"
    std::span<const FsOption> options;
    std::uint64_t attributes;  ///< MOUNT_ATTR_*
    unsigned long propagation;
    Target target;         ///< Slot::none: stays detached
    Slot keep_as;          ///< Slot::none: closed
    bool copy_up = false;  ///< it begins with what the image has at the target ("tmpcopyup")
    /// Without fsopen(2): the option string of mount(2), which puts it in the directory `staging` first; otherwise
    /// null.
    const char* mount_data = nullptr;
};
/// In the container's directory.
constexpr char staging[] = "staging";
struct BindMount {
    Slot from;
    const char* source;
    bool recursive;
    std::uint64_t set, clear;  ///< MOUNT_ATTR_*
    unsigned long propagation;
    bool recursive_attributes;
    Target target;
    Idmap idmap = {};
    int peer = -1;  ///< of op::ClonePeer, in their order: what is bound instead; -1: the source itself
};
/// Makes a directory and its parents where they are missing.
struct MakeDirectory {
    Slot at;
    const char* path;
    mode_t mode;  ///< of the last one, if it is made
};
/// A slot's directory is handed to the parent, who looks at the writable layer in it when the container has ended.
struct HandOverUpper {
    Slot slot;
};
struct MakeSymlink {
    Slot at;
    const char* path;
    const char* target;
    bool may_exist = false;
};
struct MakeDevice {
    Slot at;
    const char* path;
    mode_t mode;  ///< with S_IFCHR, S_IFBLK or S_IFIFO
    std::uint32_t major, minor;
    uid_t uid;
    gid_t gid;
    bool may_exist = false;  ///< if it is that very device
};
struct WriteFile {
    Slot at;
    const char* path;
    std::span<const char> text;
    mode_t mode;
};
/// Hides a path of the container, if it is there: a file behind a null device, a directory behind an empty one. Both
/// are minirun's own, in Slot::provided: never what the rootfs calls /dev/null (CVE-2025-31133), nor the host's node,
/// whose mode the container could change.
struct MaskPath {
    Slot at;
    const char* path;
};
/// Makes a path of the container read-only, if it is there, with all mounts below it.
struct ReadonlyPath {
    Slot at;
    const char* path;
};
struct SetHostname {
    std::span<const char> name;
};
struct SetDomainname {
    std::span<const char> name;
};
struct LoopbackUp {};
/// A file below Slot::proc's sys/, on a procfs that is certainly one (CVE-2019-16884).
struct WriteSysctl {
    const char* path;
    std::span<const char> value;
};
struct SetRlimit {
    int resource;
    std::uint64_t soft, hard;
};
struct SetOomScore {
    std::span<const char> value;
};
/// sched_setattr(2).
struct SetScheduler {
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;  ///< nanoseconds
};
struct SetIoPriority {
    int io_class, priority;
};
struct SetAffinity {
    std::span<const std::uint64_t> cpus;
};
/// set_mempolicy(2).
struct SetMemoryPolicy {
    std::uint32_t mode;  ///< MPOL_* with MPOL_F_*
    std::span<const std::uint64_t> nodes;
};
struct SetPersonality {
    unsigned long domain;
};
/// What a security module makes of the process when it execs: a file of Slot::proc's self/attr, and what goes into it.
struct SetSecurityLabel {
    const char* file;
    std::span<const char> label;
};
/// A pty of the container's own devpts: its master goes to the supervisor, its slave becomes /dev/console.
struct OpenTerminal {
    uid_t owner;                          ///< on the host: of the slave, so that the container's user can open it again
    bool console;                         ///< otherwise /dev/console is left as it is
    std::uint16_t height = 0, width = 0;  ///< in characters; 0: as the terminal of minirun
};
/// The mount at the target itself, not what is mounted below it.
struct MakeReadonly {
    Target target;
};
/// What is mounted at the target gets other attributes.
struct ChangeMount {
    Target target;
    std::uint64_t set, clear;  ///< MOUNT_ATTR_*
    bool recursive;
};
/// The label of SELinux that the root of what is mounted at the target has, as an extended attribute.
struct LabelMount {
    Target target;
    std::span<const char> label;
};
struct SetMountPropagation {
    Slot at;
    unsigned long flags;
};

// In the child: out of the host.
/// Until the parent has done its steps after the clone.
struct AwaitParent {
    bool announce;  ///< the parent awaits the child, too (AwaitChild)
};
struct PivotRoot {
    bool by_move;  ///< MS_MOVE and chroot(2), where pivot_root(2) is not possible
};

// In the child, last: the process.
/// A session keyring of its own: the host's would be searched for keys otherwise. session-keyring(7).
struct NewKeyring {};
/// Splits off pid 1: this process becomes minirun-init, the reaper, and a second one goes on with the plan.
struct ForkInit {};
struct NewSession {};
/// Standard input, output and error: as the supervisor prepared them, or the container's terminal, which becomes
/// the controlling one.
/// Pipes that an engine has made become the user's, so that he can open /dev/stdout again.
struct OwnStreams {
    uid_t uid;  ///< on the host
};
struct ConnectStreams {
    bool terminal;
};
/// Last of all namespaces: the others belong to the host's user namespace, so that the container's root has no power
/// over them, whatever capabilities it holds.
struct EnterUserNamespace {};
/// A copy of the mounts that belongs to the container's user namespace: its root can mount more, and none of these can
/// be taken away (mount_namespaces(7), "locked").
struct OwnMounts {};
struct LimitBoundingSet {
    std::uint64_t keep;
};
struct SetUser {
    uid_t uid;
    gid_t gid;
    std::span<const gid_t> groups;
    bool keep_capabilities;
    bool set_groups;  ///< not where a user namespace denies it
};
/// Makes (as the container's user, inside the container: CVE-2026-55686) and enters the working directory, and
/// checks that it lies in the container (CVE-2024-21626).
struct EnterWorkingDirectory {
    const char* path;
};
struct SetUmask {
    mode_t umask;
};
struct SetCapabilities {
    std::uint64_t effective, permitted, inheritable, ambient;
    bool set_ambient;  ///< otherwise it stays, as far as the other sets allow
};
struct NoNewPrivileges {};
struct LoadSeccomp {
    std::span<const sock_filter> filter;
    std::uint32_t flags;             ///< SECCOMP_FILTER_FLAG_*
    const char* listener = nullptr;  ///< with NEW_LISTENER: the socket of who answers for the filter
    std::span<const char> told;      ///< and the container process state for it, up to where pids follow
    pid_t container = 0;             ///< the container's process, if it is another one
    /// What minirun itself answers where `filter` asks, so that it can count: the filter as it was. Otherwise empty.
    std::span<const sock_filter> counted = {};
};
/// All dispositions to their defaults, and the mask that minirun was started with.
struct ResetSignals {};
struct CloseDescriptors {
    unsigned first;  ///< those from 3 up to this one are handed on: --preserve-fds
};
/// The container is created; its program starts when `start` says so.
struct AwaitStart {};
/// Refuses a command, or the interpreter that its "#!" names, which leads through a link of procfs. /proc/self/exe is
/// minirun's own program here, and whoever gets hold of that can write to it later (CVE-2019-5736).
struct CheckCommand {
    const char* directory;                    ///< where relative paths begin
    std::span<const char* const> candidates;  ///< as in Exec
    bool must_exist;                          ///< an engine wants to know before the container is started
};
struct Exec {
    std::span<const char* const> candidates;  ///< the command in each directory of PATH
    const char* const* argv;
    const char* const* envp;
};

}  // namespace op

using Operation = std::variant<
    op::HostDirectory, op::HostFile, op::HostSymlink, op::CopyLayer, op::TimeNamespace, op::JoinPidNamespace,
    op::MakeUserNamespace, op::MakeIdmap, op::ClonePeer, op::OpenUserNamespace, op::StartScope, op::MakeCgroup,
    op::SetCgroup, op::LimitDevices, op::DelegateCgroup, op::CloneProcess, op::ReleaseScope, op::RecordProcess,
    op::KeepMounts, op::AwaitChild, op::MoveNetDevice, op::RunHook, op::StartPasta, op::ConnectBridges, op::Undumpable,
    op::NewKeyring, op::DieWithParent, op::EnterCgroup, op::NewCgroupNamespace, op::JoinNamespace, op::EnterOwned,
    op::EnterDirectory, op::KeepDirectory, op::SetPropagation, op::MountOverlay, op::BindRoot, op::BindIdmapped,
    op::CreateAs, op::MountFilesystem, op::BindMount, op::MakeDirectory, op::HandOverUpper, op::MakeSymlink,
    op::MakeDevice, op::WriteFile, op::MaskPath, op::ReadonlyPath, op::SetHostname, op::SetDomainname, op::LoopbackUp,
    op::WriteSysctl, op::SetRlimit, op::SetOomScore, op::SetScheduler, op::SetIoPriority, op::SetAffinity,
    op::SetMemoryPolicy, op::SetPersonality, op::SetSecurityLabel, op::OpenTerminal, op::MakeReadonly, op::ChangeMount,
    op::LabelMount, op::SetMountPropagation, op::AwaitParent, op::PivotRoot, op::ForkInit, op::NewSession,
    op::OwnStreams, op::ConnectStreams, op::EnterUserNamespace, op::OwnMounts, op::LimitBoundingSet, op::SetUser,
    op::EnterWorkingDirectory, op::SetUmask, op::SetCapabilities, op::NoNewPrivileges, op::ResetSignals,
    op::LoadSeccomp, op::CloseDescriptors, op::AwaitStart, op::CheckCommand, op::Exec>;

/// Where and when a step runs.
enum class Phase : std::uint8_t {
    host_before,  ///< in the parent, before the clone; undone in the end
    clone,
    host_after,   ///< in the parent, while the child is at work
    child,        ///< in the child, still with the host's tree in reach
    child_final,  ///< in the child, inside the container: from pivot_root to execve
};

struct Step {
    Phase phase;
    Operation operation;
};
static_assert(std::is_trivially_copyable_v<Step>, "the child reads steps; nothing of them may own memory");

/// A launch as data. Owns everything that its steps point to.
struct Plan {
    Arena arena;
    std::vector<Step> steps;
};

}  // namespace minirun
