#include "launch/host_steps.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/copy_tree.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/device_program.hpp"
#include "kernel/channel.hpp"
#include "kernel/files.hpp"
#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "launch/hooks.hpp"
#include "launch/left_behind.hpp"

namespace minirun {
namespace {

SysStatus write_mappings(const std::string& path, std::span<const IdMapping> mappings) {
    std::string text;
    for (const auto& one : mappings) text += cat(one.container_id, ' ', one.host_id, ' ', one.size, '\n');
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return SysStatus::failure(errno);
    return kernel::write_all(file.get(), text.data(), text.size());
}

// 0 or errno; EEXIST if it was there.
int make_with_parents(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return 0;
    if (errno != ENOENT) return errno;
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        if (::mkdir(path.substr(0, slash).c_str(), mode) < 0 && errno != EEXIST) return errno;
    return ::mkdir(path.c_str(), mode) == 0 ? 0 : errno;
}

SysStatus make_alike(const char* path, const char* model) {
    struct stat info {};
    if (::stat(model, &info) < 0 || ::chown(path, info.st_uid, info.st_gid) < 0) return SysStatus::failure(errno);
    return libc_status(::chmod(path, info.st_mode & 07777u));
}

Fd open_namespace(const std::string& process, const char* name) {
    return Fd(::open(cat(process, "/ns/", name).c_str(), O_RDONLY | O_CLOEXEC));
}

// A namespace needs a process to be born in: one that waits until its ids are mapped, and ends. `owns` are CLONE_NEW*
// that are made in it: network, ipc, uts.
SysStatus make_user_namespace(std::span<const IdMapping> uids, std::span<const IdMapping> gids, std::uint64_t owns,
                              Fd& user, Fd (&owned)[3]) {
    const auto pair = kernel::socket_pair();
    if (!pair) return SysStatus::failure(pair.error());
    Fd here(pair.value().here);
    Fd there(pair.value().there);
    // Root of a container that shares the host's processes could trace the holder of root's. Who is not root has given
    // his containers no rights over it, and could not map its ids if it were hidden.
    const bool is_root = ::geteuid() == 0;
    const auto holder = kernel::clone_process(CLONE_NEWUSER | owns);
    if (!holder) return SysStatus::failure(holder.error());
    if (holder.value().pid == 0) {
        char nothing = 0;
        if (is_root) (void)kernel::set_dumpable(false);
        ::close(here.get());
        (void)kernel::receive_message(there.get(), &nothing, sizeof nothing);
        kernel::exit_now(0);
    }
    const Fd pidfd(holder.value().pidfd);
    const auto process = cat("/proc/", holder.value().pid);
    auto done = write_mappings(process + "/uid_map", uids);
    if (done) done = write_mappings(process + "/gid_map", gids);
    user = open_namespace(process, "user");
    owned[0] = open_namespace(process, "net");
    owned[1] = open_namespace(process, "ipc");
    owned[2] = open_namespace(process, "uts");
    if (done && !user) done = SysStatus::failure(errno);
    here.reset();
    (void)kernel::wait_pidfd(pidfd.get());
    return done;
}

}  // namespace

void HostSide::come_back() noexcept {
    if (own_pid_namespace) ::setns(own_pid_namespace.get(), CLONE_NEWPID);
    if (own_time_namespace) ::setns(own_time_namespace.get(), CLONE_NEWTIME);
    own_pid_namespace.reset();
    own_time_namespace.reset();
}

SysStatus HostSteps::operator()(const op::HostDirectory& step) const {
    // Several steps may want the same parent. The container's directory is nobody else's.
    if (const int error = make_with_parents(step.path, step.mode); error != 0)
        return error == EEXIST ? SysStatus::success() : SysStatus::failure(error);
    if (step.like != nullptr) return make_alike(step.path, step.like);
    // Whatever the umask: the mode of a writable layer is the mode of the container's "/".
    return libc_status(::chmod(step.path, step.mode));
}

SysStatus HostSteps::operator()(const op::HostFile& step) const {
    const Fd file(::open(step.path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    return file ? SysStatus::success() : SysStatus::failure(errno);
}

SysStatus HostSteps::operator()(const op::HostSymlink& step) const {
    return libc_status(::symlink(step.target, step.path));
}

SysStatus HostSteps::operator()(const op::CopyLayer& step) const {
    copy_tree(step.source, step.path);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::TimeNamespace& step) const {
    side_.own_time_namespace = open_namespace("/proc/self", "time");
    if (::unshare(CLONE_NEWTIME) < 0) return SysStatus::failure(errno);
    const Fd offsets(::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC));
    if (!offsets) return SysStatus::failure(errno);
    const auto text = cat("monotonic ", step.monotonic_seconds, ' ', step.monotonic_nanoseconds, "\nboottime ",
                          step.boottime_seconds, ' ', step.boottime_nanoseconds, '\n');
    return kernel::write_all(offsets.get(), text.data(), text.size());
}

// Only what is born from now on is in it: setns(2) leaves the caller where it is.
SysStatus HostSteps::operator()(const op::JoinPidNamespace& step) const {
    const Fd joined(::open(step.path, O_RDONLY | O_CLOEXEC));
    side_.own_pid_namespace = open_namespace("/proc/self", "pid");
    return joined ? libc_status(::setns(joined.get(), CLONE_NEWPID)) : SysStatus::failure(errno);
}

SysStatus HostSteps::operator()(const op::MakeUserNamespace& step) const {
    return make_user_namespace(step.uids, step.gids, step.owns, side_.user_namespace, side_.owned_namespaces);
}

SysStatus HostSteps::operator()(const op::MakeIdmap& step) const {
    Fd none[3];
    return make_user_namespace(step.uids, step.gids, 0, side_.idmaps.emplace_back(), none);
}

SysStatus HostSteps::operator()(const op::ClonePeer& step) const {
    const auto tree = kernel::clone_tree(AT_FDCWD, step.source, step.recursive);
    if (!tree) return SysStatus::failure(tree.error());
    side_.peers.emplace_back(tree.value());
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::OpenUserNamespace& step) const {
    side_.user_namespace.reset(::open(step.path, O_RDONLY | O_CLOEXEC));
    return side_.user_namespace ? SysStatus::success() : SysStatus::failure(errno);
}

SysStatus HostSteps::operator()(const op::StartScope& step) const {
    side_.scope.start(step);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::ReleaseScope&) const {
    side_.scope.release();
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::MakeCgroup& step) const {
    return make_cgroup(step.mount, step.path, step.v2);
}

SysStatus HostSteps::operator()(const op::SetCgroup& step) const {
    return write_cgroup_file(step.path, {step.value.data(), step.value.size()});
}

SysStatus HostSteps::operator()(const op::LimitDevices& step) const {
    const Fd cgroup(::open(step.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return cgroup ? attach_device_program(cgroup.get(), step.program) : SysStatus::failure(errno);
}

SysStatus HostSteps::operator()(const op::DelegateCgroup& step) const { return delegate_cgroup(step.path, step.uid); }

SysStatus HostSteps::operator()(const op::RecordProcess& step) const {
    // Where there may be others, they are found by their mount namespace.
    if (!step.ends_all) side_.mount_namespace = open_mount_namespace(side_.pid);
    const auto record = [&] { return record_process(step.path, side_.pid, side_.mount_namespace); };
    const auto done = record();
    if (done.error() != ENOENT) return done;
    const std::string_view path = step.path;
    const int error = make_with_parents(std::string(path.substr(0, path.rfind('/'))), 0700);
    return error == 0 || error == EEXIST ? record() : SysStatus::failure(error);
}

SysStatus HostSteps::operator()(const op::KeepMounts&) const {
    // Not there: the child has failed, and says itself why.
    side_.kept_mounts = open_mount_namespace(side_.pid);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::AwaitChild&) const {
    side_.await_child();
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::MoveNetDevice& step) const {
    const auto network = open_namespace(cat("/proc/", side_.pid), "net");
    if (!network) return SysStatus::failure(errno);
    side_.devices.emplace_back(step.device, network, step.name);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::RunHook& step) const {
    if (side_.hooked != nullptr) *side_.hooked = true;
    const HookPlace place{side_.pidfd, side_.user_namespace.get()};
    run_hook(step, side_.pid, place);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::StartPasta& step) const {
    // Not there: the child has failed, and says itself why.
    side_.network = open_namespace(cat("/proc/", side_.pid), "net");
    if (side_.network) side_.pasta = PastaProcess(step, side_.network);
    return SysStatus::success();
}

SysStatus HostSteps::operator()(const op::ConnectBridges& step) const {
    // Not there: the child has failed, and says itself why.
    side_.network = open_namespace(cat("/proc/", side_.pid), "net");
    if (auto network = open_namespace(cat("/proc/", side_.pid), "net"))
        side_.bridges = BridgeConnection(step, std::move(network));
    return SysStatus::success();
}

}  // namespace minirun
