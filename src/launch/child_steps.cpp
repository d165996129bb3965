// The steps that make the container's tree: mounts, devices, masks, pivot_root.
#include "launch/child_steps.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>

#include "kernel/channel.hpp"
#include "kernel/credentials.hpp"
#include "kernel/files.hpp"
#include "kernel/mount.hpp"
#include "kernel/openat2.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "launch/scoped.hpp"

namespace minirun {
namespace {

bool is_missing(int error) noexcept { return error == ENOENT || error == ENOTDIR; }

// Attaches `tree` at the descriptor and changes it: before it can be seen, if mount_setattr(2) is to be had. mount(2)
// changes only what is attached; nobody else is in this namespace yet.
SysStatus attach_changed(int tree, int target, MountChanges changes) noexcept {
    auto done = SysStatus::success();
    for (const auto& change : changes)
        if (done) done = kernel::set_mount_attributes(tree, change.attributes, change.recursive);
    const bool later = done.error() == ENOSYS;
    if (done || later) done = kernel::attach(tree, target);
    for (const auto& change : changes)
        if (done && later) done = kernel::change_attached_mount(tree, change.attributes, change.recursive);
    return done;
}

}  // namespace

ChildSteps::ChildSteps(const ChildStart& start) noexcept : start_(start), report_socket_(start.report_socket) {
    for (int& fd : slots_) fd = -1;
    keep(Slot::host, AT_FDCWD);
    keep(Slot::userns, start.user_namespace);
    keep(Slot::network, start.owned_namespaces[0]);
    keep(Slot::ipc, start.owned_namespaces[1]);
    keep(Slot::uts, start.owned_namespaces[2]);
}

SysStatus ChildSteps::operator()(const op::HostDirectory&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::HostFile&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::HostSymlink&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::CopyLayer&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::TimeNamespace&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::JoinPidNamespace&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::MakeUserNamespace&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::MakeIdmap&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::ClonePeer&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::OpenUserNamespace&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::StartScope&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::ReleaseScope&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::MakeCgroup&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::SetCgroup&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::LimitDevices&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::DelegateCgroup&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::CloneProcess&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::RecordProcess&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::KeepMounts&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::AwaitChild&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::MoveNetDevice&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::RunHook&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::StartPasta&) noexcept { return SysStatus::failure(ENOSYS); }
SysStatus ChildSteps::operator()(const op::ConnectBridges&) noexcept { return SysStatus::failure(ENOSYS); }

SysStatus ChildSteps::operator()(const op::Undumpable&) noexcept { return kernel::set_dumpable(false); }

SysStatus ChildSteps::operator()(const op::NewKeyring&) noexcept { return kernel::join_new_session_keyring(); }

SysStatus ChildSteps::operator()(const op::DieWithParent&) noexcept {
    dies_with_parent_ = true;
    return set_death_signal();
}

// To be said again after each change of ids: it clears the signal (prctl(2)).
SysStatus ChildSteps::set_death_signal() noexcept {
    if (!dies_with_parent_) return SysStatus::success();
    if (const auto set = kernel::set_parent_death_signal(SIGKILL); !set) return set;
    // A parent that died before the call above sends no signal any more, but its end of the socket is closed.
    pollfd watch{report_socket_, 0, 0};
    constexpr timespec at_once{};
    sys::call(SYS_ppoll, &watch, 1, &at_once, nullptr, 0);
    if ((watch.revents & POLLHUP) != 0) kernel::exit_now(125);
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::EnterCgroup& step) noexcept {
    const auto opened = sys::open(step.tasks, O_WRONLY | O_CLOEXEC);
    if (!opened) return SysStatus::failure(opened.error());
    const Scoped owned(opened.value());
    return kernel::write_all(owned.get(), "0", 1);  // the thread that writes it
}

SysStatus ChildSteps::operator()(const op::NewCgroupNamespace&) noexcept {
    return sys::status(SYS_unshare, CLONE_NEWCGROUP);
}

SysStatus ChildSteps::operator()(const op::JoinNamespace& step) noexcept {
    const auto opened = sys::open(step.path, O_RDONLY | O_CLOEXEC);
    if (!opened) return SysStatus::failure(opened.error());
    const Scoped owned(opened.value());
    return sys::status(SYS_setns, owned.get(), step.type);
}

SysStatus ChildSteps::operator()(const op::EnterOwned& step) noexcept {
    return sys::status(SYS_setns, slot(step.which), step.type);
}

SysStatus ChildSteps::operator()(const op::EnterDirectory& step) noexcept {
    return *step.path == '\0' ? sys::fchdir(slot(step.at)) : sys::chdir(step.path);
}

SysStatus ChildSteps::operator()(const op::KeepDirectory& step) noexcept {
    auto opened = SysResult<int>::failure(ENOENT);
    if (step.at == Slot::none)
        opened = kernel::open_beneath(AT_FDCWD, step.path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                                      RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    else if (step.make)
        opened = kernel::open_or_make_in_root(slot(step.at), step.path, kernel::Missing::directory, 0755, true);
    else
        opened = kernel::open_in_root(slot(step.at), step.path, true);
    if (!opened) return SysStatus::failure(opened.error());
    keep(step.keep_as, opened.value());
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::SetPropagation& step) noexcept {
    return kernel::change_propagation("/", step.flags);
}

SysResult<int> ChildSteps::open_target(const Target& target, bool source_is_directory) noexcept {
    if (target.at == Slot::host) return sys::open(target.path, O_PATH | O_CLOEXEC);
    if (target.create == Create::no) return kernel::open_in_root(slot(target.at), target.path, target.no_links);
    const bool directory =
        target.create == Create::directory || (target.create == Create::like_source && source_is_directory);
    return kernel::open_or_make_in_root(slot(target.at), target.path,
                                        directory ? kernel::Missing::directory : kernel::Missing::file,
                                        directory ? 0755 : 0644, target.no_links);
}

SysStatus ChildSteps::attach_at(int tree, const Target& target, MountChanges changes) noexcept {
    const bool directory = kernel::is_directory(tree);
    const auto opened = open_target(target, directory);
    if (!opened) return SysStatus::failure(opened.error());
    const Scoped owned(opened.value());
    // A link to the root, or up to it: what is mounted there would cover the container, or lie beneath it unmasked.
    if (target.at == Slot::root && kernel::is_same_file(owned.get(), slot(Slot::root)))
        return SysStatus::failure(EXDEV);
    const auto attached = attach_changed(tree, owned.get(), changes);
    // The kernel's EINVAL has many causes; this is the one that people meet.
    if (!attached && attached.error() == EINVAL && directory != kernel::is_directory(owned.get()))
        return SysStatus::failure(ENOTDIR);
    return attached;
}

SysStatus ChildSteps::adopt_root(int tree, const char* mountpoint) noexcept {
    keep(Slot::root, tree);
    return attach_at(tree, {Slot::host, mountpoint, Create::no});
}

SysStatus ChildSteps::operator()(const op::BindRoot& step) noexcept {
    const auto tree = kernel::clone_tree(AT_FDCWD, step.source, true);
    return tree ? adopt_root(tree.value(), step.mountpoint) : SysStatus::failure(tree.error());
}

SysStatus ChildSteps::operator()(const op::BindIdmapped& step) noexcept {
    const auto tree = kernel::clone_tree(AT_FDCWD, step.source, false);
    if (!tree) return SysStatus::failure(tree.error());
    const Scoped owned(tree.value());
    const kernel::MountAttributes mapped{.set = MOUNT_ATTR_IDMAP,
                                         .userns_fd = static_cast<std::uint64_t>(slot(Slot::userns))};
    if (const auto set = kernel::set_mount_attributes(owned.get(), mapped, false); !set) return set;
    return attach_at(owned.get(), {Slot::host, step.mountpoint, Create::no});
}

SysStatus ChildSteps::operator()(const op::CreateAs& step) noexcept {
    const auto done = kernel::create_as(step.uid, step.gid);
    return done ? set_death_signal() : done;
}

SysResult<int> ChildSteps::clone_source(const op::BindMount& step) noexcept {
    if (step.peer >= 0) return SysResult<int>::success(start_.peers[step.peer].get());
    if (step.from == Slot::host) return kernel::clone_tree(AT_FDCWD, step.source, step.recursive);
    const auto source = kernel::open_in_root(slot(step.from), step.source);
    if (!source) return source;
    const Scoped owned(source.value());
    return kernel::clone_tree(owned.get(), "", step.recursive);
}

SysStatus ChildSteps::operator()(const op::BindMount& step) noexcept {
    const auto tree = clone_source(step);
    if (!tree) return SysStatus::failure(tree.error());
    const Scoped owned(tree.value());
    if (step.idmap.wanted) {
        report.item = 2;
        const int namespace_fd = step.idmap.number < 0 ? slot(Slot::userns) : start_.idmaps[step.idmap.number].get();
        const auto mapped = kernel::set_mount_attributes(
            owned.get(), {.set = MOUNT_ATTR_IDMAP, .userns_fd = static_cast<std::uint64_t>(namespace_fd)},
            step.idmap.recursive);
        if (!mapped) return mapped;
    }
    report.item = 1;  // from here on it is the target, not the source
    MountChange changes[2];
    std::size_t count = 0;
    if (step.propagation != 0) changes[count++] = {{.propagation = step.propagation}, step.recursive};
    if ((step.set | step.clear) != 0)
        changes[count++] = {{.set = step.set, .clear = step.clear}, step.recursive_attributes};
    const auto attached = attach_at(owned.get(), step.target, {changes, count});
    if (attached) report.item = -1;
    return attached;
}

SysStatus ChildSteps::operator()(const op::MakeDirectory& step) noexcept {
    const auto made = kernel::open_or_make_in_root(slot(step.at), step.path, kernel::Missing::directory, step.mode);
    if (!made) return SysStatus::failure(made.error());
    const Scoped owned(made.value());
    return kernel::is_directory(owned.get()) ? SysStatus::success() : SysStatus::failure(ENOTDIR);
}

SysStatus ChildSteps::operator()(const op::HandOverUpper& step) noexcept {
    report.kind = ChildReport::Kind::upper;
    const auto sent = kernel::send_message(report_socket_, &report, sizeof report, slot(step.slot));
    report.kind = ChildReport::Kind::failure;
    return sent;
}

SysStatus ChildSteps::operator()(const op::MakeSymlink& step) noexcept {
    const auto made = sys::status(SYS_symlinkat, step.target, slot(step.at), step.path);
    return made.error() == EEXIST && step.may_exist ? SysStatus::success() : made;
}

SysStatus ChildSteps::operator()(const op::MakeDevice& step) noexcept {
    // Its directory inside of the slot; then one name, which cannot lead anywhere.
    const char* slash = std::strrchr(step.path, '/');
    const char* name = slash == nullptr ? step.path : slash + 1;
    char parent[4096] = "";
    const auto length = static_cast<std::size_t>(name - step.path);
    if (length >= sizeof parent) return SysStatus::failure(ENAMETOOLONG);
    std::memcpy(parent, step.path, length);
    const auto directory = kernel::open_in_root(slot(step.at), parent);
    if (!directory) return SysStatus::failure(directory.error());
    const Scoped owned(directory.value());
    const auto device = makedev(step.major, step.minor);
    const auto made = sys::status(SYS_mknodat, owned.get(), name, step.mode, device);
    if (made.error() == EEXIST && step.may_exist) {
        struct stat there {};
        const auto known = sys::status(SYS_newfstatat, owned.get(), name, &there, AT_SYMLINK_NOFOLLOW);
        const bool same = known && (there.st_mode & S_IFMT) == (step.mode & S_IFMT) && there.st_rdev == device;
        return same ? SysStatus::success() : made;
    }
    if (!made || (step.uid == 0 && step.gid == 0)) return made;
    return sys::status(SYS_fchownat, owned.get(), name, step.uid, step.gid, AT_SYMLINK_NOFOLLOW);
}

SysStatus ChildSteps::operator()(const op::WriteFile& step) noexcept {
    const auto file =
        sys::openat(slot(step.at), step.path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, step.mode);
    if (!file) return SysStatus::failure(file.error());
    const Scoped owned(file.value());
    return kernel::write_all(owned.get(), step.text.data(), step.text.size());
}

SysStatus ChildSteps::operator()(const op::MaskPath& step) noexcept {
    const auto target = kernel::open_in_root(slot(step.at), step.path);
    if (!target) return is_missing(target.error()) ? SysStatus::success() : SysStatus::failure(target.error());
    const Scoped owned(target.value());
    const auto cover =
        kernel::clone_tree(slot(Slot::provided), kernel::is_directory(owned.get()) ? "empty" : "null", false);
    if (!cover) return SysStatus::failure(cover.error());
    const Scoped copy(cover.value());
    const MountChange readonly{{.set = MOUNT_ATTR_RDONLY}, false};
    return attach_changed(copy.get(), owned.get(), {&readonly, 1});
}

SysStatus ChildSteps::operator()(const op::ReadonlyPath& step) noexcept {
    const auto target = kernel::open_in_root(slot(step.at), step.path);
    if (!target) return is_missing(target.error()) ? SysStatus::success() : SysStatus::failure(target.error());
    const Scoped owned(target.value());
    const auto tree = kernel::clone_tree(owned.get(), "", true);
    if (!tree) return SysStatus::failure(tree.error());
    const Scoped copy(tree.value());
    const MountChange readonly{{.set = MOUNT_ATTR_RDONLY}, true};
    return attach_changed(copy.get(), owned.get(), {&readonly, 1});
}

SysStatus ChildSteps::operator()(const op::MakeReadonly& step) noexcept {
    const auto target = open_target(step.target, true);
    if (!target) return SysStatus::failure(target.error());
    const Scoped owned(target.value());
    return kernel::change_attached_mount(owned.get(), {.set = MOUNT_ATTR_RDONLY}, false);
}

SysStatus ChildSteps::operator()(const op::ChangeMount& step) noexcept {
    const auto target = open_target(step.target, true);
    if (!target) return SysStatus::failure(target.error());
    const Scoped owned(target.value());
    return kernel::change_attached_mount(owned.get(), {.set = step.set, .clear = step.clear}, step.recursive);
}

SysStatus ChildSteps::operator()(const op::LabelMount& step) noexcept {
    const auto target = open_target(step.target, true);
    if (!target) return SysStatus::failure(target.error());
    const Scoped owned(target.value());
    const auto directory = sys::value(SYS_openat, owned.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!directory) return SysStatus::failure(directory.error());
    const Scoped opened(directory.value());
    return sys::status(SYS_fsetxattr, opened.get(), "security.selinux", step.label.data(), step.label.size(), 0);
}

SysStatus ChildSteps::operator()(const op::SetMountPropagation& step) noexcept {
    return kernel::change_attached_mount(
        slot(step.at), {.propagation = step.flags & ~static_cast<unsigned long>(MS_REC)}, (step.flags & MS_REC) != 0);
}

SysStatus ChildSteps::announce() noexcept {
    report.kind = ChildReport::Kind::arrived;
    const auto sent = kernel::send_message(report_socket_, &report, sizeof report);
    report.kind = ChildReport::Kind::failure;
    return sent;
}

SysStatus ChildSteps::await_go() const noexcept {
    char word = 0;
    const auto received = kernel::receive_message(report_socket_, &word, sizeof word);
    if (!received) return SysStatus::failure(received.error());
    if (received.value().size == 0) kernel::exit_now(125);  // minirun was killed
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::AwaitParent& step) noexcept {
    if (step.announce)
        if (const auto sent = announce(); !sent) return sent;
    return await_go();
}

// Who connects has the right to: the socket is in a directory that is root's alone. One that goes away without a word
// leaves the container created.
SysStatus ChildSteps::operator()(const op::AwaitStart&) noexcept {
    if (const auto sent = announce(); !sent) return sent;
    if (start_.start_listener < 0) return await_go();
    sys::close(report_socket_);
    while (true) {
        const auto accepted = sys::value(SYS_accept4, start_.start_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted.error() == EINTR || accepted.error() == ECONNABORTED) continue;
        if (!accepted) return SysStatus::failure(accepted.error());
        report_socket_ = accepted.value();
        char word = 0;
        const auto received = kernel::receive_message(report_socket_, &word, sizeof word);
        if (received && received.value().size > 0) break;
        sys::close(report_socket_);
    }
    sys::close(start_.start_listener);
    return SysStatus::success();
}

// pivot_root(2), "pivot_root(".", ".")": the old root lands on top of the new one and is taken off again, so that
// no directory for it is needed inside the container.
SysStatus ChildSteps::operator()(const op::PivotRoot& step) noexcept {
    if (const auto entered = sys::fchdir(slot(Slot::root)); !entered) return entered;
    if (step.by_move) {
        if (const auto moved = kernel::move_mount_old(".", "/"); !moved) return moved;
        if (const auto changed = sys::status(SYS_chroot, "."); !changed) return changed;
        return sys::chdir("/");
    }
    if (const auto pivoted = kernel::pivot_root(".", "."); !pivoted) return pivoted;
    if (const auto detached = kernel::detach_mount("."); !detached) return detached;
    return sys::chdir("/");
}

}  // namespace minirun
