#include "plan/hints.hpp"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "plan/describe.hpp"

namespace minirun {
namespace {

struct Diagnosis {
    ErrorKind kind = ErrorKind::system;
    std::string what;  ///< replaces "cannot STEP" if not empty
    std::string hint;
};

std::string filesystem_of(const char* path) {
    struct statfs info {};
    if (::statfs(path, &info) < 0) return "unknown";
    return filesystem_name(static_cast<std::uint64_t>(info.f_type) & 0xffffffffu);
}

constexpr std::string_view apparmor_hint =
    "if this host's AppArmor restricts user namespaces (Ubuntu 23.10 and newer): sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0";

// Where the container's directory is.
const char* container_directory(const Plan& plan) {
    for (const auto& step : plan.steps)
        if (const auto* overlay = std::get_if<op::MountOverlay>(&step.operation)) return overlay->mountpoint;
    return "";
}

// The first layer on a file system that lets nothing be stacked upon it, or that is a stack already. The kernel says
// just EINVAL.
const char* unstackable_layer(std::span<const char* const> layers) {
    for (const char* layer : layers) {
        const auto filesystem = filesystem_of(layer);
        for (const auto* word : {"overlay", "proc", "hugetlbfs", "ecryptfs"})
            if (filesystem == word) return layer;
    }
    return nullptr;
}

constexpr std::string_view other_root_hint =
    "set MINIRUN_ROOT to a directory on ext4, xfs, btrfs or tmpfs: that holds what the container writes";

constexpr const char* space_hint = "make space, or set MINIRUN_ROOT to a directory on another disk";

struct Diagnose {
    const Plan& plan;
    const ChildReport& report;

    // See check_writable() in launch/child_filesystems.cpp.
    static Diagnosis unwritable(std::string_view what, const char* directory) {
        return {ErrorKind::system,
                cat("overlayfs can make nothing in ", quote(directory), " on ", filesystem_of(directory), ", so ", what,
                    " could not be written to"),
                space_hint};
    }

    Diagnosis operator()(const op::CloneProcess& s) const {
        if (report.error == EPERM)
            return {ErrorKind::not_permitted, "",
                    cat("new namespaces take CAP_SYS_ADMIN: run as root; ", apparmor_hint)};
        if (report.error == ENOSPC)
            return {ErrorKind::system, "", "the limit in /proc/sys/user/max_*_namespaces is reached: raise it"};
        if (report.error == EINVAL)
            return {ErrorKind::unsupported, "",
                    cat("this kernel lacks one of these namespaces: ", namespace_names(s.flags))};
        if (report.error == EAGAIN)
            return {ErrorKind::system, "", "the limit of processes (RLIMIT_NPROC, pids cgroup) is reached"};
        return {};
    }

    Diagnosis operator()(const op::MakeCgroup& s) const {
        if (report.error == EEXIST)
            return {ErrorKind::conflict, cat("the cgroup ", quote(s.path), " is in use: it has processes"),
                    "choose another one, or end what is in it"};
        if (report.error == EROFS || report.error == EACCES || report.error == EPERM)
            return {ErrorKind::not_permitted, "", "run as root; inside another container its cgroups may be read-only"};
        return {};
    }

    Diagnosis operator()(const op::SetCgroup& s) const {
        const auto value = quote({s.value.data(), s.value.size()});
        if (report.error == ENOENT)
            return {ErrorKind::unsupported, cat(s.key, ": this kernel has no ", quote(s.path)),
                    std::string_view(s.path).find("sw") == std::string_view::npos
                        ? "leave the limit away"
                        : "it counts no swap (swapaccount=0): --memory-swap -1 does without"};
        if (report.error == EINVAL || report.error == ERANGE || report.error == ENODEV)
            return {ErrorKind::bad_input, cat(s.key, ": the kernel does not take ", value, " for ", quote(s.path)),
                    "look at what the cgroup above it has: a limit cannot be wider"};
        return {ErrorKind::system, cat(s.key, ": cannot write ", value, " to ", quote(s.path)), ""};
    }

    Diagnosis operator()(const op::EnterCgroup&) const {
        if (report.error == ENOSPC)
            return {ErrorKind::system, "", "the cpuset has no cpus or no memory nodes: name them (--cpuset-cpus)"};
        if (report.error == EINVAL)
            return {ErrorKind::unsupported, "", "a real-time process can only be in a cgroup with cpu.rt_runtime_us"};
        return {};
    }

    Diagnosis operator()(const op::MountOverlay& s) const {
        if (report.layer >= 0 && static_cast<std::size_t>(report.layer) < s.lower.size()) {
            const char* layer = s.lower[static_cast<std::size_t>(report.layer)];
            return {ErrorKind::unsupported,
                    cat("overlayfs refused the layer ", quote(layer), " on ", filesystem_of(layer)),
                    report.error == ENOENT ? "the layer's directory is gone: build the bundle again"
                                           : "copy the layer to ext4, xfs, btrfs or tmpfs"};
        }
        if (report.error == ENODEV)
            return {ErrorKind::unsupported, "this kernel has no overlay file system", "modprobe overlay"};
        const bool about_upper = std::string_view(report.detail).find("upper") != std::string_view::npos;
        if (const char* layer = unstackable_layer(s.lower); layer != nullptr && report.error == EINVAL && !about_upper)
            return {ErrorKind::unsupported,
                    cat("overlayfs refused the layer ", quote(layer), " on ", filesystem_of(layer)),
                    "copy the layer to ext4, xfs, btrfs or tmpfs"};
        const bool has_upper = std::any_of(s.options.begin(), s.options.end(), [](const FsOption& option) {
            return std::string_view(option.key) == "upperdir";
        });
        const auto below = filesystem_of(s.mountpoint);
        if (!has_upper) return {};
        if (report.error == EROFS) return unwritable("the root", s.mountpoint);
        if (report.error == EINVAL || report.error == ENOTSUP || report.error == EOPNOTSUPP || report.error == EREMOTE)
            return {ErrorKind::unsupported,
                    cat("overlayfs refused the writable layer in ", quote(s.mountpoint), " on ", below),
                    "keep the writable layer in memory (--tmpfs-upper), do without one (--read-only), or set "
                    "MINIRUN_ROOT to a directory on "
                    "ext4, xfs or btrfs"};
        if (report.error == ELOOP)
            return {ErrorKind::unsupported, "overlayfs refused layers that overlap",
                    "no layer may lie inside another one"};
        return {};
    }

    Diagnosis operator()(const op::MountFilesystem& s) const {
        if (std::string_view(s.type) == "overlay" && report.error == EROFS && report.item == 0)
            return unwritable(quote(s.target.path), container_directory(plan));
        if (std::string_view(s.type) == "overlay" && (report.error == EINVAL || report.error == EOPNOTSUPP))
            return {ErrorKind::unsupported,
                    cat("overlayfs refused the throw-away writes to ", quote(s.target.path), " in ",
                        quote(container_directory(plan)), " on ", filesystem_of(container_directory(plan))),
                    std::string(other_root_hint)};
        if (report.error == ENODEV)
            return {
                ErrorKind::unsupported,
                cat("this kernel has no file system ", quote(s.type), ", which ", quote(s.target.path), " is to have"),
                cat("modprobe ", printable(s.type))};
        if (report.item >= 0 && s.mount_data != nullptr)
            return {
                ErrorKind::bad_input,
                cat(s.type, " on ", quote(s.target.path), " does not take all of the options ", quote(s.mount_data)),
                ""};
        if (report.item >= 0 && static_cast<std::size_t>(report.item) < s.options.size()) {
            const auto& option = s.options[static_cast<std::size_t>(report.item)];
            return {ErrorKind::bad_input,
                    cat(s.type, " on ", quote(s.target.path), " does not take the option ",
                        quote(option.value == nullptr ? std::string(option.key) : cat(option.key, '=', option.value))),
                    ""};
        }
        return target(s.target);
    }

    Diagnosis no_source(const char* source) const {
        return {ErrorKind::not_found, cat("the volume's source ", quote(source), " does not exist"), ""};
    }

    Diagnosis operator()(const op::ClonePeer& s) const {
        return report.error == ENOENT ? no_source(s.source) : Diagnosis{};
    }

    Diagnosis operator()(const op::BindMount& s) const {
        if (report.item < 0 && report.error == ENOENT) return no_source(s.source);
        if (report.item == 2)
            return {ErrorKind::unsupported,
                    cat("the file system of ", quote(s.source), " (", filesystem_of(s.source),
                        ") cannot map ids in this kernel, or it is idmapped already"),
                    "use ext4, xfs or btrfs with Linux 5.19 or newer (tmpfs: 6.3)"};
        return target(s.target);
    }

    Diagnosis target(const Target& at) const {
        if (report.error == ENOENT || report.error == EEXIST)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path),
                        " is a symbolic link that leads nowhere inside the root file system"),
                    "mount on the directory itself, or choose another target"};
        if (report.error == ENOTDIR)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path), " is a file where a directory is needed, or the reverse"),
                    "source and target both have to be directories or both files"};
        if (report.error == EXDEV)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path), " leads to the root, which a mount would cover"),
                    "mount on another path of the container"};
        if (report.error == ELOOP && at.no_links)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path), " is a symbolic link, which is not followed there"),
                    "make it a directory in the image"};
        if (report.error == EROFS)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path), " is not in the image, and the root is read-only"),
                    "leave out --read-only, or use an image that has this path"};
        if (report.error == ELOOP)
            return {ErrorKind::bad_input,
                    cat("the mount target ", quote(at.path), " goes through a loop of symbolic links or a magic link"),
                    ""};
        return {};
    }

    Diagnosis operator()(const op::MakeDirectory& s) const {
        if (report.error == EROFS) return target({s.at, s.path, Create::directory});
        return {};
    }

    Diagnosis operator()(const op::MakeDevice&) const {
        if (report.error == EPERM) return {ErrorKind::not_permitted, "", "device nodes take CAP_MKNOD"};
        if (report.error == EEXIST) return {ErrorKind::bad_input, "", "minirun makes that one: choose another name"};
        return {};
    }

    Diagnosis operator()(const op::WriteSysctl& s) const {
        // "sys/net/ipv4/conf/eth0.5/forwarding" is net.ipv4.conf.eth0/5.forwarding.
        std::string name(s.path + 4);
        for (auto& c : name) c = c == '/' ? '.' : c == '.' ? '/' : c;
        const auto key = quote(name);
        if (report.error == ENOENT)
            return {ErrorKind::bad_input, cat("this kernel has no sysctl ", key), "sysctl -a lists them"};
        if (report.error == EINVAL || report.error == ERANGE)
            return {ErrorKind::bad_input,
                    cat("the kernel does not take ", quote({s.value.data(), s.value.size()}), " for the sysctl ", key),
                    ""};
        if (report.error == EACCES || report.error == EPERM)
            return {ErrorKind::bad_input, cat("the sysctl ", key, " cannot be set in a namespace"),
                    "set it on the host"};
        return {};
    }

    Diagnosis operator()(const op::SetRlimit& s) const {
        if (report.error == EPERM)
            return {ErrorKind::not_permitted, "",
                    cat("raising the hard limit of ", rlimit_name(s.resource), " takes CAP_SYS_RESOURCE")};
        if (report.error == EINVAL) return {ErrorKind::bad_input, "", "the soft limit may not exceed the hard one"};
        return {};
    }

    Diagnosis operator()(const op::PivotRoot&) const {
        if (report.error == EINVAL)
            return {ErrorKind::unsupported, "",
                    "pivot_root does not work where / is the kernel's initial rootfs (an initramfs)"};
        return {};
    }

    Diagnosis operator()(const op::SetUser& s) const {
        if (report.error == EINVAL)
            return {ErrorKind::bad_input, cat("uid ", s.uid, " or gid ", s.gid, " is not mapped in the user namespace"),
                    ""};
        return {};
    }

    Diagnosis operator()(const op::EnterWorkingDirectory& s) const {
        if (report.error == EXDEV)
            return {ErrorKind::bad_input,
                    cat("the working directory ", quote(s.path), " lies outside of the container"), ""};
        if (report.error == ELOOP)
            return {ErrorKind::bad_input,
                    cat("the working directory ", quote(s.path), " leads through a link of /proc, or in a circle"),
                    "choose another one with --workdir"};
        if (report.error == EROFS)
            return {ErrorKind::bad_input,
                    cat("the working directory ", quote(s.path), " is not in the image, and the root is read-only"),
                    "choose another one with --workdir, or leave out --read-only"};
        if (report.item == 1 && (report.error == EACCES || report.error == EPERM))
            return {
                ErrorKind::bad_input,
                cat("the working directory ", quote(s.path), " does not exist and the container's user cannot make it"),
                "choose another one with --workdir, or run as root with --user 0"};
        if (report.item == 1 && (report.error == ENOENT || report.error == EEXIST))
            return {
                ErrorKind::bad_input,
                cat("the working directory ", quote(s.path), " is, or lies below, a symbolic link that leads nowhere"),
                "choose another one with --workdir"};
        if (report.error == EACCES)
            return {ErrorKind::bad_input,
                    cat("the container's user may not enter the working directory ", quote(s.path)),
                    "choose another one with --workdir, or another user with --user"};
        if (report.error == ENOTDIR)
            return {ErrorKind::bad_input, cat("the working directory ", quote(s.path), " is not a directory"),
                    "choose another one with --workdir"};
        return {};
    }

    Diagnosis operator()(const op::SetCapabilities&) const {
        if (report.error == EPERM)
            return {ErrorKind::not_permitted, "",
                    "a set holds a capability that minirun itself does not have, or an ambient one that is not "
                    "permitted and inheritable"};
        return {};
    }

    Diagnosis operator()(const op::ForkInit&) const {
        if (report.error == EACCES || report.error == EPERM)
            return {ErrorKind::not_permitted, "",
                    "this host does not let minirun execute a file in memory (memfd_create): run without --init"};
        return {};
    }

    Diagnosis operator()(const op::LimitBoundingSet&) const {
        if (report.error == EPERM) return {ErrorKind::not_permitted, "", "dropping capabilities takes CAP_SETPCAP"};
        return {};
    }

    Diagnosis operator()(const op::CheckCommand& s) const {
        // Seen after execve, which does not say which directory of PATH it was.
        const bool known = report.item >= 0 && static_cast<std::size_t>(report.item) < s.candidates.size();
        std::string_view command = s.candidates[known ? static_cast<std::size_t>(report.item) : 0];
        if (!known && s.candidates.size() > 1) command.remove_prefix(command.rfind('/') + 1);
        return {ErrorKind::cannot_execute,
                cat("command ", quote(command), ": it, or its \"#!\" line, leads through a link of /proc"),
                "name a program of the image: /proc/self/exe would be minirun's own"};
    }

    Diagnosis operator()(const op::LoadSeccomp&) const {
        if (report.item == 1)
            return {ErrorKind::bad_input, "the seccomp filter keeps minirun from passing on its listener",
                    "let the profile allow write and recvmsg"};
        if (report.error == EACCES)
            return {ErrorKind::not_permitted, "", "without no_new_privs a filter takes CAP_SYS_ADMIN"};
        if (report.error == EBUSY)
            return {ErrorKind::unsupported, "a filter around minirun has a listener already, and there can be one only",
                    "do without what takes one: --report-denied, or SCMP_ACT_NOTIFY in the profile"};
        return {};
    }

    Diagnosis operator()(const op::MakeUserNamespace&) const {
        if (report.error == ENOSPC)
            return {ErrorKind::system, "", "the limit in /proc/sys/user/max_user_namespaces is reached: raise it"};
        if (report.error == EPERM && ::geteuid() != 0)
            return {ErrorKind::not_permitted, "",
                    "a user's containers can have the user's own ids and those that /etc/subuid and /etc/subgid give "
                    "it, by newuidmap(1)"};
        if (report.error == EPERM) return {ErrorKind::not_permitted, "", std::string(apparmor_hint)};
        return {};
    }

    Diagnosis operator()(const op::BindIdmapped& s) const {
        if (report.error != EINVAL) return {};
        // "." is the container's directory, seen from the child.
        const bool is_upper = std::string_view(s.source) == ".";
        const char* source = is_upper ? container_directory(plan) : s.source;
        return {
            ErrorKind::unsupported,
            cat("the file system of ", quote(source), " (", filesystem_of(source), ") cannot map ids in this kernel"),
            cat(is_upper ? "keep the writable layer in memory (--tmpfs-upper), " : "",
                "leave out --userns, or use ext4, xfs or btrfs with Linux 5.19 or newer (tmpfs: 6.3)")};
        return {};
    }

    Diagnosis operator()(const op::TimeNamespace&) const {
        if (report.error == EINVAL || report.error == ENOSYS)
            return {ErrorKind::unsupported, "", "this kernel has no time namespaces"};
        return {};
    }

    template <class Other>
    Diagnosis operator()(const Other&) const {
        return {};
    }
};

// "e overlay: …" is an error line of the kernel's log, "w " a warning, "i " information.
std::string kernel_words(const char* detail) {
    std::string_view words = detail;
    while (words.ends_with('\n')) words.remove_suffix(1);
    if (words.size() > 2 && words[1] == ' ') words.remove_prefix(2);
    return words.empty() ? "" : cat("; the kernel says: ", printable(words));
}

}  // namespace

Error step_error(const Plan& plan, const ChildReport& report) {
    const auto& operation = plan.steps[static_cast<std::size_t>(report.step)].operation;
    auto diagnosis = std::visit(Diagnose{plan, report}, operation);
    if ((report.error == ENOSPC || report.error == EDQUOT) && diagnosis.hint.empty()) diagnosis.hint = space_hint;
    if (report.error == EMFILE && diagnosis.hint.empty())
        diagnosis.hint = "the limit of open files (ulimit -n, or --ulimit nofile) is too low to set a container up";
    if (report.error == ENOSYS && diagnosis.hint.empty())
        diagnosis.hint = "this kernel lacks a system call of this step, or a seccomp filter around minirun forbids it";
    if (report.error == EPERM && diagnosis.kind == ErrorKind::system) diagnosis.kind = ErrorKind::not_permitted;
    // What may not be run says all: the error was only a way to tell it.
    if (diagnosis.kind == ErrorKind::cannot_execute) return Error(diagnosis.kind, diagnosis.what, diagnosis.hint);
    const auto what = diagnosis.what.empty() ? cat("cannot ", describe(operation)) : diagnosis.what;
    return Error(
        diagnosis.kind,
        cat(what, ": ", errno_text(report.error), " (", errno_name(report.error), ")", kernel_words(report.detail)),
        diagnosis.hint, report.error);
}

}  // namespace minirun
