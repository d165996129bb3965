#include "plan/why.hpp"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel/process.hpp"

namespace minirun {
namespace {

// null, zero, full, random and urandom (of the same driver: mem, kmem and port), and tty, whoever's that is.
bool is_harmless(const op::MakeDevice& s) {
    if (!S_ISCHR(s.mode)) return false;
    if (s.major == 5) return s.minor == 0;
    return s.major == 1 && (s.minor == 3 || s.minor == 5 || s.minor == 7 || s.minor == 8 || s.minor == 9);
}

std::string_view why_filesystem(const op::MountFilesystem& s) {
    const std::string_view type = s.type;
    if (type == "proc") return "Shows the processes of this pid namespace only: the container sees just its own.";
    if (type == "sysfs")
        return (s.attributes & MOUNT_ATTR_RDONLY) != 0
                   ? "Programs look up devices and kernel settings here; read-only, since they are the host's."
                   : "Programs look up devices and kernel settings here; writable, so the host's can be changed.";
    if (type == "devpts")
        return "Pseudo-terminals of its own: those of the host cannot be read or written from inside.";
    if (type == "mqueue") return "POSIX message queues of its own, those of its ipc namespace.";
    if (type == "cgroup" || type == "cgroup2")
        return (s.attributes & MOUNT_ATTR_RDONLY) != 0
                   ? "Programs can read the limits they live under here, but not lift them."
                   : "Programs can read the limits they live under here, and change them.";
    if (type == "overlay") return "A throw-away view of a directory: changes land beside it, never in it.";
    if (type != "tmpfs") return "A file system that the container was given on purpose.";
    const std::string_view path = s.target.path;
    if (path == "/dev/shm") return "Shared memory of its own, of a size that is bounded.";
    if (path == "/sys/fs/cgroup") return "The frame for what follows: a directory for each hierarchy of cgroups.";
    if (s.keep_as == Slot::dev) return "A /dev of its own, empty at first: none of the host's devices are in it.";
    if (s.keep_as == Slot::upper)
        return "The writable layer lives in memory: fast, and nothing of it ever reaches a disk.";
    if (s.keep_as == Slot::provided)
        return "Holds the files that minirun provides over the image's own, and what paths are masked with.";
    return "Memory that looks like a directory: gone when the container ends.";
}

std::string_view why_directory(const op::HostDirectory& s) {
    const std::string_view path = s.path;
    if (path.ends_with("/upper"))
        return "The writable layer: what the container changes lands here, never in the image's layers.";
    if (path.ends_with("/work"))
        return "overlayfs prepares files here, so that they appear in the writable layer in one step.";
    return "A place of this container's own; it is removed when the container has ended.";
}

struct Why {
    std::string_view operator()(const op::HostDirectory& s) const { return why_directory(s); }
    std::string_view operator()(const op::HostFile&) const {
        return "A mount point that the image lacks, in a layer below all others: the root itself cannot be written to.";
    }
    std::string_view operator()(const op::HostSymlink&) const {
        return "Short names for the layers: this kernel takes them as one text of at most a page.";
    }
    std::string_view operator()(const op::CopyLayer&) const {
        return "Nothing of the layer is shared with other containers then: no page in memory, no lock, no inode.";
    }
    std::string_view operator()(const op::TimeNamespace&) const {
        return "Its clocks since boot can be set apart from those of the host.";
    }
    std::string_view operator()(const op::JoinPidNamespace&) const {
        return "Its processes see those of the other container, and are seen by them.";
    }
    std::string_view operator()(const op::OpenUserNamespace&) const {
        return "Ids and capabilities are those of the other container; it is entered last.";
    }
    std::string_view operator()(const op::KeepMounts&) const {
        return "What is copied out of it may be on any of them, and they would go with its last process.";
    }
    std::string_view operator()(const op::AwaitChild&) const {
        return "What comes next may look at the container's mounts and change its network.";
    }
    std::string_view operator()(const op::RunHook& s) const {
        return s.namespaces != 0
                   ? "The config.json asks for this program of the host, run where the container's mounts are."
                   : "The config.json asks for this program of the host: it prepares what the container needs.";
    }
    std::string_view operator()(const op::StartPasta&) const {
        return "A program of the host that makes the container's connections its own; it ends with the container.";
    }
    std::string_view operator()(const op::ConnectBridges&) const {
        return "A program of the host makes the interface and the rules for the ports; both go with the container.";
    }
    std::string_view operator()(const op::AwaitStart&) const {
        return "The engine may prepare more meanwhile; nothing of the image has run so far.";
    }
    std::string_view operator()(const op::MakeUserNamespace&) const {
        return "Root in the container is then a user without any rights on the host.";
    }
    std::string_view operator()(const op::MakeIdmap&) const {
        return "The files of the mount show other owners in the container than they have on disk.";
    }
    std::string_view operator()(const op::ClonePeer&) const {
        return "The config.json asks for it: what the container mounts there shows on the host, too.";
    }
    std::string_view operator()(const op::MoveNetDevice&) const { return "Only the container can use it from now on."; }
    std::string_view operator()(const op::StartScope&) const {
        return "The tree of cgroups is systemd's here: it makes one for the container, and hands it over.";
    }
    std::string_view operator()(const op::ReleaseScope&) const {
        return "A process had to be in the scope while the container's was not there yet.";
    }
    std::string_view operator()(const op::MakeCgroup&) const {
        return "What the container uses is counted and limited here; it is removed when the container has ended.";
    }
    std::string_view operator()(const op::SetCgroup& s) const {
        const std::string_view path = s.path;
        return path.find("/devices.") == std::string_view::npos
                   ? "A limit that was asked for, in place before anything of the container runs."
                   : "Which devices may be opened, whatever nodes there are.";
    }
    std::string_view operator()(const op::DelegateCgroup&) const {
        return "The container may divide what it has been given; the files with its own limits stay the host's.";
    }
    std::string_view operator()(const op::LimitDevices&) const {
        return "The kernel runs this program whenever a device is opened: it says which may be, whatever nodes there "
               "are.";
    }
    std::string_view operator()(const op::EnterCgroup&) const {
        return "What it uses counts there from here on. It goes by itself: to move another one stops the "
               "machine's forks.";
    }
    std::string_view operator()(const op::NewCgroupNamespace&) const {
        return "The cgroups that it is in now look like the topmost from inside.";
    }
    std::string_view operator()(const op::CloneProcess& s) const {
        return s.in_memory
                   ? "This one call makes the container: a process with its own view of the system, on the same "
                     "kernel. It begins in minirun's memory, so that nothing has to be copied."
                   : "This one call makes the container: a process with its own view of the system, on the same "
                     "kernel.";
    }
    std::string_view operator()(const op::RecordProcess&) const {
        return "Should minirun be killed and the container have shaken off that signal, the next command ends it.";
    }
    std::string_view operator()(const op::Undumpable&) const {
        return "It still has minirun's memory: nobody may look into it through a namespace that it joins.";
    }
    std::string_view operator()(const op::NewKeyring&) const {
        return "The keys of whoever started minirun stay out of reach.";
    }
    std::string_view operator()(const op::DieWithParent&) const {
        return "Should minirun be killed, nothing of the container goes on without anybody watching it.";
    }
    std::string_view operator()(const op::JoinNamespace&) const {
        return "The container was asked to share this with whoever is in it already.";
    }
    std::string_view operator()(const op::EnterDirectory&) const {
        return "Names are relative from here on: no path of the host shows in the container's list of mounts.";
    }
    std::string_view operator()(const op::EnterOwned&) const {
        return "It belongs to the container's user namespace, so the container's root may change it.";
    }
    std::string_view operator()(const op::OwnMounts&) const {
        return "The container's root may mount, and cannot take away what covers something.";
    }
    std::string_view operator()(const op::SetScheduler&) const { return "How the CPUs are shared with others."; }
    std::string_view operator()(const op::SetIoPriority&) const { return "How the disks are shared with others."; }
    std::string_view operator()(const op::SetAffinity&) const { return "It runs on no other CPU."; }
    std::string_view operator()(const op::SetMemoryPolicy&) const {
        return "Its memory comes from these nodes of the machine.";
    }
    std::string_view operator()(const op::SetPersonality&) const {
        return "What uname(2) tells the program that this machine is.";
    }
    std::string_view operator()(const op::SetSecurityLabel&) const {
        return "The host's security module has a policy of its own for it.";
    }
    std::string_view operator()(const op::LabelMount&) const {
        return "The config.json wants this label for what is mounted, and this file system takes none by option.";
    }
    std::string_view operator()(const op::ChangeMount&) const { return "The config.json mounts it in two steps."; }
    std::string_view operator()(const op::OwnStreams&) const {
        return "Programs open /dev/stdout again, and the user is not the one who made the pipe.";
    }
    std::string_view operator()(const op::KeepDirectory&) const {
        return "The container's own: its terminals are found there.";
    }
    std::string_view operator()(const op::SetPropagation& s) const {
        if (s.flags != (MS_REC | MS_SLAVE)) return "The config.json says who sees what is mounted in the container.";
        return "What is mounted from here on is seen by this process only, not by the host.";
    }
    std::string_view operator()(const op::MountOverlay&) const {
        return "The layers become one tree: the topmost layer that has a name wins, and writes go to the layer on top.";
    }
    std::string_view operator()(const op::BindRoot&) const {
        return "The root has to be a mount of its own before pivot_root takes it.";
    }
    std::string_view operator()(const op::BindIdmapped&) const {
        return "The layer's files belong to root on the host; seen through the map, to root of the container.";
    }
    std::string_view operator()(const op::CreateAs&) const {
        return "What is made for the container has to belong to its root, not to root of the host.";
    }
    std::string_view operator()(const op::MountFilesystem& s) const { return why_filesystem(s); }
    std::string_view operator()(const op::BindMount& s) const {
        return s.from == Slot::provided
                   ? "Only minirun knows the container's name and addresses: its file covers the image's."
                   : "A place of the host that the container was given on purpose.";
    }
    std::string_view operator()(const op::MakeDirectory& s) const {
        if (s.at == Slot::provided) return "The cover for directories that are masked: an empty one.";
        if (s.at == Slot::dev) return "A device that the container was given is in it.";
        if (s.at == Slot::upper) return "Both parts of the writable layer have to be on one file system.";
        return "The image or an option says that this directory is there.";
    }
    std::string_view operator()(const op::HandOverUpper&) const {
        return "It is in memory, and nobody but the child has it in reach.";
    }
    std::string_view operator()(const op::MakeSymlink&) const {
        return "Programs rely on this name in /dev; it leads to what is the process's own.";
    }
    std::string_view operator()(const op::MakeDevice& s) const {
        if (s.at == Slot::provided) return "The cover for files that are masked: a null device that nobody else uses.";
        return is_harmless(s) ? "Every program may need it, and it gives no power over the host."
                              : "A device of the host that the container was given on purpose.";
    }
    std::string_view operator()(const op::WriteFile&) const {
        return "Only minirun knows the container's name and addresses: its file covers the image's.";
    }
    std::string_view operator()(const op::MaskPath&) const {
        return "It tells about the host or its hardware, and no namespace hides it.";
    }
    std::string_view operator()(const op::ReadonlyPath&) const {
        return "Programs may read it, but writing there would change the host.";
    }
    std::string_view operator()(const op::SetHostname&) const {
        return "A name for the machine that the container believes to be; the host keeps its own.";
    }
    std::string_view operator()(const op::SetDomainname&) const {
        return "A NIS domain for the machine that the container believes to be; the host keeps its own.";
    }
    std::string_view operator()(const op::LoopbackUp&) const {
        return "Programs expect 127.0.0.1; a new network namespace has nothing but this interface, and it is down.";
    }
    std::string_view operator()(const op::WriteSysctl&) const {
        return "A kernel parameter that each namespace has its own value of: the host's stays as it is.";
    }
    std::string_view operator()(const op::SetRlimit&) const {
        return "Bounds what one process can use up, while it may still be raised.";
    }
    std::string_view operator()(const op::SetOomScore&) const {
        return "Tells the kernel whom to end first when memory runs out.";
    }
    std::string_view operator()(const op::OpenTerminal&) const {
        return "The container gets a terminal of its own, never the one that minirun was started from.";
    }
    std::string_view operator()(const op::MakeReadonly&) const {
        return "Everything in it is made by now; from here on nothing in it can be changed.";
    }
    std::string_view operator()(const op::SetMountPropagation& s) const {
        if (s.at == Slot::provided) return "The volumes are made: only now may parts of this be mounted elsewhere.";
        return "Whether mounts made inside are seen in copies of the tree is what the config asks for.";
    }
    std::string_view operator()(const op::AwaitParent&) const {
        return "What minirun does beside it has to be done before a program of the image runs.";
    }
    std::string_view operator()(const op::PivotRoot&) const {
        return "The host's tree is gone from view: unlike after chroot, there is nothing left to climb back to.";
    }
    std::string_view operator()(const op::ForkInit&) const {
        return "Pid 1 has to collect orphans that have ended; most programs do not know how.";
    }
    std::string_view operator()(const op::NewSession&) const {
        return "Cuts the tie to the terminal that minirun was started from: nothing can be typed into it from inside.";
    }
    std::string_view operator()(const op::ConnectStreams&) const {
        return "All that the container has of minirun's open files, and not one more.";
    }
    std::string_view operator()(const op::EnterUserNamespace&) const {
        return "Last of the namespaces: the others belong to the host, so that no capability inside counts for them.";
    }
    std::string_view operator()(const op::LimitBoundingSet&) const {
        return "Root's power comes in pieces, the capabilities; what is not in this set can never be had again.";
    }
    std::string_view operator()(const op::SetUser&) const {
        return "Groups first: once the process is another user, it has no right left to change them.";
    }
    std::string_view operator()(const op::EnterWorkingDirectory&) const {
        return "Entered as the container's user, and checked to lie in the container.";
    }
    std::string_view operator()(const op::SetUmask&) const {
        return "New files get the usual modes, whatever minirun was started with.";
    }
    std::string_view operator()(const op::SetCapabilities&) const {
        return "What the process may do from its first instruction on, of what is left.";
    }
    std::string_view operator()(const op::NoNewPrivileges&) const {
        return "From here on no setuid program can give any right back.";
    }
    std::string_view operator()(const op::ResetSignals&) const {
        return "The program starts with the signals as every program expects them.";
    }
    std::string_view operator()(const op::LoadSeccomp&) const {
        return "The kernel is the one wall that all share: the fewer of its calls answer, the fewer flaws can be "
               "reached.";
    }
    std::string_view operator()(const op::CloseDescriptors&) const {
        return "An open file of the host would be a way out of the container.";
    }
    std::string_view operator()(const op::CheckCommand&) const {
        return "/proc/self/exe is minirun's own program until the image's takes its place: no image may start that.";
    }
    std::string_view operator()(const op::Exec&) const {
        return "The image's program takes the place of minirun: same process, and now it is the container.";
    }
};

}  // namespace

std::string_view why(const Operation& operation) { return std::visit(Why{}, operation); }

std::string_view own_namespace(std::uint64_t flag) {
    switch (flag) {
        case CLONE_NEWNS: return "Its own mounts: the image is its root, and the host's files are not in view.";
        case CLONE_NEWPID: return "Its own process ids: they begin with pid 1, and no process of the host is in view.";
        case CLONE_NEWNET: return "Its own interfaces, addresses and ports.";
        case CLONE_NEWUTS: return "Its own host name.";
        case CLONE_NEWIPC: return "Its own shared memory and message queues.";
        case CLONE_NEWCGROUP: return "Its own view of the cgroups: the one that it is in looks like the topmost.";
        case CLONE_NEWUSER: return "Its own user ids: root inside is a user without rights outside.";
        case CLONE_NEWTIME: return "Its own clocks since boot.";
        default: return "";
    }
}

std::string_view host_namespace(std::uint64_t flag) {
    switch (flag) {
        case CLONE_NEWNS: return "The host's: it sees all that is mounted there.";
        case CLONE_NEWPID: return "The host's: it sees all processes, and may signal those of its user.";
        case CLONE_NEWNET: return "The host's: the same interfaces, addresses and ports.";
        case CLONE_NEWUTS: return "The host's: the same host name.";
        case CLONE_NEWIPC: return "The host's: the same shared memory and message queues.";
        case CLONE_NEWCGROUP: return "The host's: it sees where in the host's cgroups it is.";
        case CLONE_NEWUSER: return "The host's: root inside is root outside, but for what is taken away below.";
        case CLONE_NEWTIME: return "The host's: it sees how long the host has been up.";
        default: return "";
    }
}

}  // namespace minirun
