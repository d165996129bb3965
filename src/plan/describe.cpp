#include "plan/describe.hpp"

#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>

#include <array>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "kernel/process.hpp"

namespace minirun {
namespace {

std::string propagation_name(unsigned long flags) {
    std::string name = (flags & MS_REC) != 0 ? "r" : "";
    if ((flags & MS_SHARED) != 0) return name + "shared";
    if ((flags & MS_SLAVE) != 0) return name + "slave";
    if ((flags & MS_PRIVATE) != 0) return name + "private";
    return name + "unbindable";
}

// " (ro,nosuid,size=64k)", or nothing.
std::string options_in_brackets(std::uint64_t attributes, std::span<const FsOption> options,
                                unsigned long propagation = 0) {
    std::vector<std::string> words;
    if (attributes != 0) words.push_back(mount_attr_names(attributes));
    for (const auto& option : options)
        words.push_back(option.value == nullptr ? std::string(option.key)
                                                : cat(option.key, '=', printable(option.value)));
    if (propagation != 0) words.push_back(propagation_name(propagation));
    return words.empty() ? "" : cat(" (", join(words, ","), ")");
}

std::string limit_text(std::uint64_t limit) { return limit == UINT64_MAX ? "unlimited" : cat(limit); }

std::string mapping_text(std::span<const IdMapping> mappings) {
    std::vector<std::string> words;
    for (const auto& one : mappings)
        words.push_back(cat(one.container_id, "-", one.container_id + one.size - 1, " are ", one.host_id, "-",
                            one.host_id + one.size - 1));
    return join(words, ", ");
}

template <class Item>
std::string text_of(std::span<const Item> bytes) {
    return printable(std::string_view(bytes.data(), bytes.size()));
}

struct Describe {
    std::string operator()(const op::HostDirectory& s) const {
        return cat("make directory ", printable(s.path), " ",
                   s.like == nullptr ? octal(s.mode) : cat("like ", printable(s.like)));
    }
    std::string operator()(const op::HostFile& s) const { return cat("make empty file ", printable(s.path)); }
    std::string operator()(const op::HostSymlink& s) const {
        return cat("make symbolic link ", printable(s.path), " -> ", printable(s.target));
    }
    std::string operator()(const op::CopyLayer& s) const {
        return cat("copy the layer ", printable(s.source), " to ", printable(s.path));
    }
    std::string operator()(const op::TimeNamespace& s) const {
        return cat("new time namespace: monotonic clock ", s.monotonic_seconds, " s, boottime clock ",
                   s.boottime_seconds, " s ahead");
    }
    std::string operator()(const op::JoinPidNamespace& s) const {
        return cat("join the pid namespace ", printable(s.path));
    }
    std::string operator()(const op::OpenUserNamespace& s) const {
        return cat("open the user namespace ", printable(s.path));
    }
    std::string operator()(const op::KeepMounts&) const { return "keep its mounts for when it has ended"; }
    std::string operator()(const op::AwaitChild&) const { return "wait until the container's tree is made"; }
    std::string operator()(const op::RunHook& s) const {
        return cat("run the ", s.kind, " hook ", printable(s.path),
                   s.namespaces != 0 ? " in the container's namespaces" : "");
    }
    std::string operator()(const op::StartPasta& s) const {
        std::vector<std::string> ports;
        for (const auto& one : s.ports) ports.push_back(port_text(one));
        return cat("start pasta on the container's network", ports.empty() ? "" : ": ", join(ports, ", "));
    }
    std::string operator()(const op::ConnectBridges& s) const {
        std::vector<std::string> ends, ports;
        for (const auto& one : s.ends)
            ends.push_back(cat(printable(one.network), " as ", printable(one.interface), " at ", one.addresses));
        for (const auto& one : s.ports) ports.push_back(port_text(one));
        return cat("connect the container to the network ", join(ends, " and "), ports.empty() ? "" : ": ",
                   join(ports, ", "));
    }
    std::string operator()(const op::AwaitStart&) const { return "wait until the container is started"; }
    std::string operator()(const op::MakeUserNamespace& s) const {
        return cat("make a user namespace: uids ", mapping_text(s.uids), "; gids ", mapping_text(s.gids),
                   s.owns == 0 ? "" : cat("; in it: ", namespace_names(s.owns)));
    }
    std::string operator()(const op::MakeIdmap& s) const {
        return cat("make a user namespace for a mount: uids ", mapping_text(s.uids), "; gids ", mapping_text(s.gids));
    }
    std::string operator()(const op::ClonePeer& s) const {
        return cat("copy the mount at ", printable(s.source), s.recursive ? " and those below it" : "",
                   ", as a peer of the host's");
    }
    std::string operator()(const op::MoveNetDevice& s) const {
        return cat("move the network device ", printable(s.device), " into the container, as ", printable(s.name));
    }
    std::string operator()(const op::StartScope& s) const {
        return cat("have systemd start the scope ", printable(s.unit));
    }
    std::string operator()(const op::ReleaseScope&) const { return "leave the scope to the container"; }
    std::string operator()(const op::MakeCgroup& s) const { return cat("make the cgroup ", printable(s.path)); }
    std::string operator()(const op::SetCgroup& s) const {
        return cat("write ", printable(s.path), " = ", text_of(s.value));
    }
    std::string operator()(const op::DelegateCgroup& s) const {
        return cat("hand cgroup ", printable(s.path), " over to user ", s.uid);
    }
    std::string operator()(const op::LimitDevices& s) const {
        return cat("attach the device rules to the cgroup ", printable(s.cgroup), ", ", s.program.size(),
                   " instructions");
    }
    std::string operator()(const op::EnterCgroup& s) const {
        const std::string_view tasks = s.tasks;
        return cat("enter the cgroup ", printable(tasks.substr(0, tasks.rfind('/'))));
    }
    std::string operator()(const op::NewCgroupNamespace&) const { return "make a new cgroup namespace"; }
    std::string operator()(const op::BindIdmapped& s) const {
        return cat("bind ", printable(s.source), " on ", printable(s.mountpoint), " with mapped ids");
    }
    std::string operator()(const op::CreateAs& s) const { return cat("make files as uid ", s.uid, ", gid ", s.gid); }
    std::string operator()(const op::EnterUserNamespace&) const { return "enter the user namespace"; }
    std::string operator()(const op::CloneProcess& s) const {
        const auto namespaces = cat("clone a process with new namespaces: ", namespace_names(s.flags));
        return s.cgroup == nullptr ? namespaces : cat(namespaces, "; in the cgroup ", printable(s.cgroup));
    }
    std::string operator()(const op::RecordProcess& s) const {
        return cat("record which process it is in ", printable(s.path));
    }
    std::string operator()(const op::Undumpable&) const { return "become non-dumpable"; }
    std::string operator()(const op::NewKeyring&) const { return "get a session keyring of its own"; }
    std::string operator()(const op::DieWithParent&) const { return "die when minirun dies (SIGKILL)"; }
    std::string operator()(const op::JoinNamespace& s) const {
        return cat("join the ", namespace_names(s.type), " namespace ", printable(s.path));
    }
    std::string operator()(const op::EnterDirectory& s) const { return cat("enter ", path_in_container(s.at, s.path)); }
    std::string operator()(const op::LabelMount& s) const {
        return cat("label ", printable(s.target.path), " as ", text_of(s.label));
    }
    std::string operator()(const op::ChangeMount& s) const {
        return cat("change the mount on ", path_in_container(s.target.at, s.target.path),
                   options_in_brackets(s.set, {}));
    }
    std::string operator()(const op::OwnStreams& s) const { return cat("give pipes of the streams to uid ", s.uid); }
    std::string operator()(const op::KeepDirectory& s) const {
        return cat(s.make ? "open or make " : "open ",
                   path_in_container(s.at == Slot::none ? Slot::root : s.at, s.path));
    }
    std::string operator()(const op::EnterOwned& s) const {
        return cat("join the ", namespace_names(s.type), " namespace of the user namespace");
    }
    std::string operator()(const op::OwnMounts&) const { return "copy the mounts for the user namespace"; }
    std::string operator()(const op::SetScheduler& s) const {
        return cat("set scheduling policy ", s.policy, ", priority ", s.priority, ", nice ", s.nice);
    }
    std::string operator()(const op::SetIoPriority& s) const {
        return cat("set I/O priority ", s.priority, " of class ", s.io_class);
    }
    std::string operator()(const op::SetAffinity&) const { return "keep to certain CPUs"; }
    std::string operator()(const op::SetMemoryPolicy&) const { return "set the NUMA memory policy"; }
    std::string operator()(const op::SetPersonality& s) const {
        return cat("set personality ", (s.domain & 0xff) == 0 ? "LINUX" : "LINUX32",
                   s.domain > 0xff ? ", addresses not random" : "");
    }
    std::string operator()(const op::SetSecurityLabel& s) const {
        return cat("set the security label ", text_of(s.label));
    }
    std::string operator()(const op::SetPropagation& s) const {
        return cat((s.flags & MS_REC) != 0 ? "make all mounts " : "make the root ", propagation_name(s.flags));
    }
    std::string operator()(const op::MountOverlay& s) const {
        std::vector<std::string> layers;
        for (const auto* layer : s.lower) layers.push_back(printable(layer));
        return cat("mount overlay of ", s.lower.size(), s.lower.size() == 1 ? " layer" : " layers", " as the root",
                   options_in_brackets(s.attributes, s.options), ", topmost first: ", join(layers, " "));
    }
    std::string operator()(const op::BindRoot& s) const { return cat("bind ", printable(s.source), " as the root"); }
    std::string operator()(const op::MountFilesystem& s) const {
        const auto options = options_in_brackets(s.attributes, s.options, s.propagation);
        if (s.target.at != Slot::none)
            return cat("mount ", s.type, " on ", path_in_container(s.target.at, s.target.path), options);
        return cat("prepare ", s.type, options);
    }
    std::string operator()(const op::BindMount& s) const {
        return cat("bind ", path_in_container(s.from, s.source), " on ", path_in_container(s.target.at, s.target.path),
                   options_in_brackets(s.set, {}, s.propagation | (s.recursive ? MS_REC : 0ul)),
                   s.idmap.wanted ? ", with mapped ids" : "");
    }
    std::string operator()(const op::MakeDirectory& s) const {
        return cat("make directory ", path_in_container(s.at, s.path), " ", octal(s.mode));
    }
    std::string operator()(const op::HandOverUpper& s) const {
        return cat("hand the directory of the writable layer to the parent: ", path_in_container(s.slot, ""));
    }
    std::string operator()(const op::MakeSymlink& s) const {
        return cat("make symbolic link ", path_in_container(s.at, s.path), " -> ", printable(s.target));
    }
    std::string operator()(const op::MakeDevice& s) const {
        const char* kind = S_ISBLK(s.mode) ? "block device " : S_ISFIFO(s.mode) ? "fifo " : "device ";
        return cat("make ", kind, path_in_container(s.at, s.path), " ", s.major, ":", s.minor, " ",
                   octal(s.mode & 07777));
    }
    std::string operator()(const op::WriteFile& s) const {
        return cat("write ", path_in_container(s.at, s.path), ", ", s.text.size(), " bytes");
    }
    std::string operator()(const op::MaskPath& s) const { return cat("mask ", path_in_container(s.at, s.path)); }
    std::string operator()(const op::ReadonlyPath& s) const {
        return cat("make read-only ", path_in_container(s.at, s.path));
    }
    std::string operator()(const op::SetHostname& s) const { return cat("set hostname ", text_of(s.name)); }
    std::string operator()(const op::SetDomainname& s) const { return cat("set domain name ", text_of(s.name)); }
    std::string operator()(const op::LoopbackUp&) const { return "bring up the loopback interface"; }
    std::string operator()(const op::WriteSysctl& s) const {
        return cat("write /proc/", printable(s.path), " = ", text_of(s.value));
    }
    std::string operator()(const op::SetRlimit& s) const {
        return cat("limit ", rlimit_name(s.resource), " to ", limit_text(s.soft), " (hard ", limit_text(s.hard), ")");
    }
    std::string operator()(const op::SetOomScore& s) const { return cat("set oom_score_adj ", text_of(s.value)); }
    std::string operator()(const op::OpenTerminal& s) const {
        return cat("open a pty on the container's /dev/pts, give it to uid ", s.owner, " and bind it on /dev/console");
    }
    std::string operator()(const op::MakeReadonly& s) const {
        return cat("make read-only the mount on ", path_in_container(s.target.at, s.target.path));
    }
    std::string operator()(const op::SetMountPropagation& s) const {
        return cat("make ", s.at == Slot::root ? "the root" : path_in_container(s.at, ""), ' ',
                   propagation_name(s.flags));
    }
    std::string operator()(const op::AwaitParent&) const { return "wait until minirun is ready"; }
    std::string operator()(const op::PivotRoot&) const {
        return "pivot_root: the container's root becomes /, the host's is unmounted";
    }
    std::string operator()(const op::ForkInit&) const {
        return "start minirun-init as pid 1, which reaps, and go on beside it";
    }
    std::string operator()(const op::NewSession&) const { return "start a new session"; }
    std::string operator()(const op::ConnectStreams& s) const {
        return s.terminal ? "connect stdin, stdout and stderr to the pty" : "connect stdin, stdout and stderr";
    }
    std::string operator()(const op::LimitBoundingSet& s) const {
        return cat("limit the bounding set to ", capability_names(s.keep));
    }
    std::string operator()(const op::SetUser& s) const {
        std::vector<std::string> groups;
        for (const auto gid : s.groups) groups.push_back(cat(gid));
        return cat("become uid ", s.uid, ", gid ", s.gid,
                   groups.empty() ? ", no supplementary groups" : ", groups " + join(groups, " "));
    }
    std::string operator()(const op::EnterWorkingDirectory& s) const {
        return cat("enter the working directory ", printable(s.path));
    }
    std::string operator()(const op::SetUmask& s) const { return cat("set umask ", octal(s.umask)); }
    std::string operator()(const op::SetCapabilities& s) const {
        return cat("set capabilities: effective ", capability_names(s.effective), "; permitted ",
                   s.permitted == s.effective ? "the same" : capability_names(s.permitted), "; inheritable ",
                   capability_names(s.inheritable), "; ambient ",
                   s.set_ambient ? capability_names(s.ambient) : "as they are");
    }
    std::string operator()(const op::NoNewPrivileges&) const { return "set no_new_privs"; }
    std::string operator()(const op::ResetSignals&) const { return "reset signal dispositions and mask"; }
    std::string operator()(const op::LoadSeccomp& s) const {
        return cat("load the seccomp filter, ", s.filter.size(), " instructions",
                   s.counted.empty() ? "" : ", and hand over its listener to count what it denies");
    }
    std::string operator()(const op::CloseDescriptors& s) const {
        return cat("close all descriptors from ", s.first, " on", s.first > 3 ? ", hand on those before" : "");
    }
    std::string operator()(const op::CheckCommand&) const { return "check that the command is no link of /proc"; }
    std::string operator()(const op::Exec& s) const {
        std::vector<std::string> words;
        for (const char* const* word = s.argv; *word != nullptr; word++) words.push_back(quote(*word));
        return cat("exec ", join(words, " "));
    }
};

// clang-format off
constexpr std::array<std::string_view, std::variant_size_v<Operation>> names{
    "host_directory", "host_file", "host_symlink", "copy_layer", "time_namespace", "join_pid_namespace", "make_user_namespace", "make_idmap", "clone_peer", "open_user_namespace",
    "start_scope", "make_cgroup", "set_cgroup", "limit_devices", "delegate_cgroup", "clone_process",
    "release_scope", "record_process", "keep_mounts", "await_child", "move_net_device", "run_hook", "start_pasta", "connect_bridges", "undumpable", "new_keyring", "die_with_parent", "enter_cgroup", "new_cgroup_namespace", "join_namespace", "enter_owned", "enter_directory", "keep_directory", "set_propagation", "mount_overlay", "bind_root",
    "bind_idmapped", "create_as", "mount_filesystem", "bind_mount", "make_directory", "hand_over_upper", "make_symlink", "make_device",
    "write_file", "mask_path", "readonly_path", "set_hostname", "set_domainname", "loopback_up", "write_sysctl",
    "set_rlimit", "set_oom_score", "set_scheduler", "set_io_priority", "set_affinity", "set_memory_policy", "set_personality", "set_security_label", "open_terminal", "make_readonly", "change_mount", "label_mount", "set_root_propagation", "await_parent", "pivot_root",
    "fork_init", "new_session", "own_streams", "connect_streams", "enter_user_namespace", "own_mounts", "limit_bounding_set", "set_user",
    "enter_working_directory", "set_umask", "set_capabilities", "no_new_privileges", "reset_signals", "load_seccomp",
    "close_descriptors", "await_start", "check_command", "exec"};
// clang-format on

}  // namespace

std::string path_in_container(Slot at, std::string_view path) {
    const auto below = [&](std::string_view root) {
        if (path.empty() || path.starts_with('/')) return printable(path.empty() ? root : path);
        return cat(root, root.ends_with('/') ? "" : "/", printable(path));
    };
    switch (at) {
        case Slot::dev: return below("/dev");
        case Slot::root: return below("/");
        case Slot::proc: return below("/proc");
        case Slot::sys: return below("/sys");
        case Slot::provided: return path.empty() ? "the provided files" : cat("provided ", printable(path));
        case Slot::upper: return cat("writable layer's tmpfs ", printable(path));
        case Slot::none: return "nowhere yet";
        case Slot::host:
        case Slot::userns:
        case Slot::network:
        case Slot::ipc:
        case Slot::uts:
        case Slot::count: break;
    }
    return printable(path);
}

std::string port_text(const op::PortForward& ports) {
    const auto range = [&](int first) {
        return ports.count == 1 ? cat(first) : cat(first, '-', first + ports.count - 1);
    };
    const std::string_view address = ports.address;
    const bool brackets = address.find(':') != std::string_view::npos;
    return cat(brackets ? "[" : "", address, brackets ? "]" : "", address.empty() ? "" : ":", range(ports.host_port),
               "->", range(ports.container_port), ports.udp ? "/udp" : "/tcp");
}

std::string_view phase_name(Phase phase) {
    switch (phase) {
        case Phase::host_before: return "host";
        case Phase::clone: return "clone";
        case Phase::host_after: return "host";
        case Phase::child: return "child";
        case Phase::child_final: return "inside";
    }
    return "";
}

std::string_view operation_name(const Operation& operation) { return names[operation.index()]; }

std::string describe(const Operation& operation) { return std::visit(Describe{}, operation); }

std::string plan_text(const Plan& plan) {
    std::string text;
    for (const auto& step : plan.steps) text += step_text(step) + '\n';
    return text;
}

std::string step_text(const Step& step) {
    const auto phase = phase_name(step.phase);
    return cat(phase, std::string(8 - phase.size(), ' '), describe(step.operation));
}

std::string namespace_names(std::uint64_t flags) {
    struct Name {
        std::uint64_t flag;
        const char* name;
    };
    constexpr Name all[] = {{CLONE_NEWNS, "mount"},  {CLONE_NEWPID, "pid"},  {CLONE_NEWNET, "network"},
                            {CLONE_NEWUTS, "uts"},   {CLONE_NEWIPC, "ipc"},  {CLONE_NEWCGROUP, "cgroup"},
                            {CLONE_NEWUSER, "user"}, {CLONE_NEWTIME, "time"}};
    std::vector<std::string> words;
    for (const auto& one : all)
        if ((flags & one.flag) != 0) words.emplace_back(one.name);
    return join(words, ", ");
}

std::string capability_names(std::uint64_t set) {
    if (set == 0) return "none";
    std::vector<std::string> words;
    for (int number = 0; number < 64; number++)
        if ((set >> number & 1) != 0) words.push_back(capability_name(number).substr(4));
    return join(words, " ");
}

}  // namespace minirun
