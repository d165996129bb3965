// The steps that make the process: names, limits, terminal, rights, execve.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

#include "kernel/channel.hpp"
#include "kernel/credentials.hpp"
#include "kernel/files.hpp"
#include "kernel/mount.hpp"
#include "kernel/openat2.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"
#include "launch/mini_init.hpp"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

namespace minirun {
namespace {

SysStatus write_file(int directory, const char* path, std::span<const char> text) noexcept {
    const auto file = sys::openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!file) return SysStatus::failure(file.error());
    const auto written = kernel::write_all(file.value(), text.data(), text.size());
    sys::close(file.value());
    return written;
}

// Now, since the program asks for it as soon as it runs. These are minirun's streams still.
void set_window_size(int terminal, const op::OpenTerminal& step) noexcept {
    winsize size{step.height, step.width, 0, 0};
    if (step.height != 0) {
        (void)sys::ioctl(terminal, TIOCSWINSZ, &size);
        return;
    }
    for (int stream = 0; stream < 3; stream++)
        if (sys::ioctl(stream, TIOCGWINSZ, &size)) {
            (void)sys::ioctl(terminal, TIOCSWINSZ, &size);
            return;
        }
}

// Whatever a container has put in its place: what is done with the master is done with minirun's rights.
bool is_devpts(int fd) noexcept {
    constexpr long devpts_magic = 0x1cd1;
    struct statfs info {};
    return sys::status(SYS_fstatfs, fd, &info) && info.f_type == devpts_magic;
}

// dup2(2), which not every processor has.
SysStatus duplicate(int fd, int number) noexcept {
    return fd == number ? SysStatus::success() : sys::status(SYS_dup3, fd, number, 0);
}

}  // namespace

SysStatus ChildSteps::operator()(const op::SetHostname& step) noexcept {
    return sys::status(SYS_sethostname, step.name.data(), step.name.size());
}

SysStatus ChildSteps::operator()(const op::SetDomainname& step) noexcept {
    return sys::status(SYS_setdomainname, step.name.data(), step.name.size());
}

SysStatus ChildSteps::operator()(const op::LoopbackUp&) noexcept {
    const auto socket = sys::value(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!socket) return SysStatus::failure(socket.error());
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", 3);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    const auto done = sys::ioctl(socket.value(), SIOCSIFFLAGS, &request);
    sys::close(socket.value());
    return done ? SysStatus::success() : SysStatus::failure(done.error());
}

SysStatus ChildSteps::operator()(const op::WriteSysctl& step) noexcept {
    return write_file(slot(Slot::proc), step.path, step.value);
}

SysStatus ChildSteps::operator()(const op::SetRlimit& step) noexcept {
    return kernel::set_rlimit(step.resource, step.soft, step.hard);
}

SysStatus ChildSteps::operator()(const op::SetOomScore& step) noexcept {
    return write_file(slot(Slot::proc), "self/oom_score_adj", step.value);
}

SysStatus ChildSteps::operator()(const op::SetScheduler& step) noexcept {
    // struct sched_attr of the kernel; libc has none before glibc 2.41.
    const struct {
        std::uint32_t size, policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime, deadline, period;
    } attributes{48, step.policy, step.flags, step.nice, step.priority, step.runtime, step.deadline, step.period};
    return sys::status(SYS_sched_setattr, 0, &attributes, 0);
}

SysStatus ChildSteps::operator()(const op::SetIoPriority& step) noexcept {
    constexpr int this_process = 1, class_shift = 13;
    return sys::status(SYS_ioprio_set, this_process, 0, step.io_class << class_shift | step.priority);
}

SysStatus ChildSteps::operator()(const op::SetAffinity& step) noexcept {
    return sys::status(SYS_sched_setaffinity, 0, step.cpus.size_bytes(), step.cpus.data());
}

SysStatus ChildSteps::operator()(const op::SetMemoryPolicy& step) noexcept {
    // It takes one bit less than it is told (get_nodes() of the kernel's mm/mempolicy.c).
    const auto bits = step.nodes.empty() ? 0 : step.nodes.size() * 64 + 1;
    return sys::status(SYS_set_mempolicy, step.mode, step.nodes.empty() ? nullptr : step.nodes.data(), bits);
}

SysStatus ChildSteps::operator()(const op::SetPersonality& step) noexcept {
    return sys::status(SYS_personality, step.domain);
}

SysStatus ChildSteps::operator()(const op::SetSecurityLabel& step) noexcept {
    return write_file(slot(Slot::proc), step.file, step.label);
}

SysStatus ChildSteps::operator()(const op::OpenTerminal& step) noexcept {
    const auto master = kernel::open_beneath(slot(Slot::dev), "pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0,
                                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    if (!master) return SysStatus::failure(master.error());
    if (!is_devpts(master.value())) return SysStatus::failure(ENXIO);
    int unlock = 0;
    if (const auto set = sys::ioctl(master.value(), TIOCSPTLCK, &unlock); !set) return SysStatus::failure(set.error());
    // TIOCGPTPEER opens the slave without a path, so nothing in the container can put itself in its place.
    const auto slave = sys::ioctl(master.value(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (!slave) return SysStatus::failure(slave.error());
    terminal_ = slave.value();
    if (const auto owned = sys::status(SYS_fchown, terminal_, step.owner, -1); !owned) return owned;
    set_window_size(terminal_, step);
    report.kind = ChildReport::Kind::terminal;
    const auto sent = kernel::send_message(report_socket_, &report, sizeof report, master.value());
    report.kind = ChildReport::Kind::failure;
    sys::close(master.value());
    if (!sent || !step.console) return sent;
    const auto tree = kernel::clone_tree(terminal_, "", false);
    if (!tree) return SysStatus::failure(tree.error());
    const auto done = attach_at(tree.value(), {Slot::dev, "console", Create::file});
    sys::close(tree.value());
    return done;
}

SysStatus ChildSteps::operator()(const op::ForkInit&) noexcept {
    prepare_mini_init();
    if (const auto made = sys::status(SYS_pipe2, gate_, O_CLOEXEC); !made) return made;
    if (start_.init_program >= 0) return become_init_program();
    keep_out_of_sight();
    const auto forked = kernel::clone_process(0);
    if (!forked) return SysStatus::failure(forked.error());
    if (forked.value().pid != 0) run_mini_init(forked.value().pid, gate_[1]);
    return await_init();
}

// In the parent's memory, where pid 1 must not stay. The other process goes on in it until it execs, too.
SysStatus ChildSteps::become_init_program() noexcept {
    const auto other =
        kernel::clone_process_in_memory(0, start_.second_stack, beside_init.run, beside_init.argument, -1);
    if (!other) return SysStatus::failure(other.error());
    const auto failed = exec_mini_init(start_.init_program, other.value().pid, gate_[1]);
    // Before the gate opens, which it does at this one's end.
    (void)kernel::send_signal(other.value().pidfd, SIGKILL);
    return failed;
}

SysStatus ChildSteps::await_init() noexcept {
    // Nothing of the image runs before the reaper has given up what it can do without: it closes its end then.
    char nothing = 0;
    sys::close(gate_[1]);
    while (sys::call(SYS_read, gate_[0], &nothing, sizeof nothing) == -EINTR) {
    }
    sys::close(gate_[0]);
    // The reaper is the parent now, and it dies with minirun.
    return set_death_signal();
}

SysStatus ChildSteps::operator()(const op::NewSession&) noexcept {
    // EPERM: it leads one already.
    const auto made = sys::status(SYS_setsid);
    return made.error() == EPERM ? SysStatus::success() : made;
}

// Instead of the host's /dev/null its own: the container's root could change the mode of the host's node through it.
SysStatus ChildSteps::connect_stream(int source, int stream) noexcept {
    struct stat info {};
    if (const auto known = sys::fstat(source, info); !known) return known;
    const bool is_null = S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
    if (!is_null || slot(Slot::dev) < 0) return duplicate(source, stream);
    const auto access = static_cast<int>(sys::call(SYS_fcntl, source, F_GETFL)) & O_ACCMODE;
    const auto own = sys::openat(slot(Slot::dev), "null", access | O_NOFOLLOW | O_CLOEXEC);
    if (!own) return SysStatus::failure(own.error());
    const auto connected = duplicate(own.value(), stream);
    sys::close(own.value());
    return connected;
}

// Pipes only: a file or a socket may be somebody's, and stays his.
SysStatus ChildSteps::operator()(const op::OwnStreams& step) noexcept {
    for (const int stream : start_.standard_streams) {
        struct stat info {};
        if (sys::fstat(stream, info) && S_ISFIFO(info.st_mode) && info.st_uid != step.uid)
            (void)sys::status(SYS_fchown, stream, step.uid, -1);
    }
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::ConnectStreams& step) noexcept {
    if (step.terminal)
        if (const auto set = sys::ioctl(terminal_, TIOCSCTTY, 0); !set) return SysStatus::failure(set.error());
    for (int stream = 0; stream < 3; stream++) {
        const int source = step.terminal ? terminal_ : start_.standard_streams[stream];
        if (const auto connected = connect_stream(source, stream); !connected) return connected;
    }
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::EnterUserNamespace&) noexcept {
    const auto entered = sys::status(SYS_setns, slot(Slot::userns), CLONE_NEWUSER);
    return entered ? set_death_signal() : entered;
}

SysStatus ChildSteps::operator()(const op::OwnMounts&) noexcept { return sys::status(SYS_unshare, CLONE_NEWNS); }

SysStatus ChildSteps::operator()(const op::LimitBoundingSet& step) noexcept {
    return kernel::limit_bounding_set(step.keep);
}

SysStatus ChildSteps::operator()(const op::SetUser& step) noexcept {
    if (step.keep_capabilities)
        if (const auto kept = kernel::keep_capabilities(); !kept) return kept;
    report.item = 0;
    if (step.set_groups)
        if (const auto set = kernel::set_groups(step.groups.data(), step.groups.size()); !set) return set;
    report.item = 1;
    if (const auto set = kernel::set_gid(step.gid); !set) return set;
    report.item = 2;
    if (const auto set = kernel::set_uid(step.uid); !set) return set;
    report.item = -1;
    // The kernel has made it what fs.suid_dumpable says: with 2 the memory of who has lent it could be dumped.
    (void)kernel::set_dumpable(false);
    return set_death_signal();
}

SysStatus ChildSteps::operator()(const op::EnterWorkingDirectory& step) noexcept {
    auto entered = sys::chdir(step.path);
    if (entered.error() == ENOENT) {
        const auto root = sys::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!root) return SysStatus::failure(root.error());
        report.item = 1;  // it has to be made
        const auto made = kernel::open_or_make_in_root(root.value(), step.path, kernel::Missing::directory, 0755);
        sys::close(root.value());
        if (!made) return SysStatus::failure(made.error());
        entered = sys::fchdir(made.value());
        sys::close(made.value());
    }
    if (!entered) return entered;
    report.item = -1;
    // "(unreachable)/…": the directory lies outside of the root (CVE-2024-21626).
    char path[4096];
    if (const auto known = sys::status(SYS_getcwd, path, sizeof path); !known) return known;
    return path[0] == '/' ? SysStatus::success() : SysStatus::failure(EXDEV);
}

SysStatus ChildSteps::operator()(const op::SetUmask& step) noexcept {
    sys::call(SYS_umask, step.umask);
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::SetCapabilities& step) noexcept {
    const auto set = kernel::set_capabilities(step.effective, step.permitted, step.inheritable);
    return set && step.set_ambient ? kernel::set_ambient(step.ambient) : set;
}

SysStatus ChildSteps::operator()(const op::NoNewPrivileges&) noexcept { return kernel::set_no_new_privileges(); }

SysStatus ChildSteps::operator()(const op::ResetSignals&) noexcept {
    kernel::reset_signals(start_.signal_mask);
    return SysStatus::success();
}

SysStatus ChildSteps::operator()(const op::LoadSeccomp& step) noexcept {
    const auto loaded =
        kernel::load_seccomp(step.filter.data(), static_cast<unsigned short>(step.filter.size()), step.flags);
    if (!loaded) return SysStatus::failure(loaded.error());
    const bool listens = step.listener != nullptr || !step.counted.empty();
    return listens ? hand_over_listener(loaded.value()) : SysStatus::success();
}

// Under the filter already, which may ask the listener about any call but write(2): so that is the call by which it is
// told, without the descriptor. While we wait for the answer, whoever listens can answer already.
SysStatus ChildSteps::hand_over_listener(int listener) noexcept {
    report.kind = ChildReport::Kind::listener;
    report.item = listener;
    const auto told = sys::value(SYS_write, report_socket_, &report, sizeof report);
    report.kind = ChildReport::Kind::failure;
    report.item = 1;
    // A filter can also answer in the kernel's place, with anything.
    auto done = SysStatus::failure(told ? EIO : told.error());
    if (told && told.value() == sizeof report) {
        char word = 0;
        const auto go = kernel::receive_message(report_socket_, &word, sizeof word);
        done = go && go.value().size == 1 ? SysStatus::success() : SysStatus::failure(go ? EIO : go.error());
    }
    // While it is held here, a call that is asked about does not end when nobody listens any more.
    sys::close(listener);
    return done;
}

// Closed, and not only marked to be closed by execve: that looks the command up first, and /proc/self/fd/N/bin/sh is a
// path (CVE-2024-21626). The sockets lead nowhere, and close with execve.
SysStatus ChildSteps::operator()(const op::CloseDescriptors& step) noexcept {
    for (unsigned fd = 3; fd < step.first; fd++) {
        report.item = static_cast<std::int32_t>(fd);
        const auto kept = sys::value(SYS_fcntl, fd, F_SETFD, 0);
        if (!kept) return SysStatus::failure(kept.error());
    }
    report.item = -1;
    return kernel::close_all_from(step.first, report_socket_, start_.start_listener);
}

// As execvp(3): what does not exist is passed over, what may not be executed is remembered.
SysStatus ChildSteps::operator()(const op::Exec& step) noexcept {
    int error = ENOENT;
    for (std::size_t i = 0; i < step.candidates.size(); i++) {
        const auto failed = sys::status(SYS_execve, step.candidates[i], step.argv, step.envp);
        if (failed.error() == ENOENT || failed.error() == ENOTDIR) continue;
        error = failed.error();
        report.item = static_cast<std::int32_t>(i);
        if (error != EACCES) break;
    }
    return SysStatus::failure(error);
}

}  // namespace minirun
