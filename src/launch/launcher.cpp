#include "launch/launcher.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "base/copy_tree.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/device_program.hpp"
#include "kernel/channel.hpp"
#include "kernel/files.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/child.hpp"
#include "launch/child_process.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "plan/hints.hpp"

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

// A namespace needs a process to be born in: one that waits until its ids are mapped, and ends.
SysResult<int> make_user_namespace(const op::MakeUserNamespace& step) {
    const auto pair = kernel::socket_pair();
    if (!pair) return SysResult<int>::failure(pair.error());
    Fd here(pair.value().here);
    Fd there(pair.value().there);
    const auto holder = kernel::clone_process(CLONE_NEWUSER);
    if (!holder) return SysResult<int>::failure(holder.error());
    if (holder.value().pid == 0) {
        char nothing = 0;
        ::close(here.get());
        (void)kernel::receive_message(there.get(), &nothing, sizeof nothing);
        kernel::exit_now(0);
    }
    const Fd pidfd(holder.value().pidfd);
    const auto process = cat("/proc/", holder.value().pid);
    auto done = write_mappings(process + "/uid_map", step.uids);
    if (done) done = write_mappings(process + "/gid_map", step.gids);
    const int fd = ::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC);
    if (done && fd < 0) done = SysStatus::failure(errno);
    here.reset();
    (void)kernel::wait_pidfd(pidfd.get());
    return done ? SysResult<int>::success(fd) : SysResult<int>::failure(done.error());
}

struct HostSteps {
    Fd& user_namespace;
    StepClock* clock;
    const Launched* launched = nullptr;  ///< after the clone

    SysStatus operator()(const op::HostDirectory& step) const {
        // Several steps may want the same parent. The container's directory is nobody else's.
        if (const int error = make_with_parents(step.path, step.mode); error != 0)
            return error == EEXIST ? SysStatus::success() : SysStatus::failure(error);
        if (step.like != nullptr) return make_alike(step.path, step.like);
        // Whatever the umask: the mode of a writable layer is the mode of the container's "/".
        return libc_status(::chmod(step.path, step.mode));
    }
    SysStatus operator()(const op::HostFile& step) const {
        const Fd file(::open(step.path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
        return file ? SysStatus::success() : SysStatus::failure(errno);
    }
    SysStatus operator()(const op::HostSymlink& step) const { return libc_status(::symlink(step.target, step.path)); }
    SysStatus operator()(const op::CopyLayer& step) const {
        copy_tree(step.source, step.path);
        return SysStatus::success();
    }
    SysStatus operator()(const op::TimeNamespace& step) const {
        if (::unshare(CLONE_NEWTIME) < 0) return SysStatus::failure(errno);
        const Fd offsets(::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC));
        if (!offsets) return SysStatus::failure(errno);
        const auto text = cat("monotonic ", step.monotonic_seconds, ' ', step.monotonic_nanoseconds, "\nboottime ",
                              step.boottime_seconds, ' ', step.boottime_nanoseconds, '\n');
        return kernel::write_all(offsets.get(), text.data(), text.size());
    }
    SysStatus operator()(const op::MakeUserNamespace& step) const {
        const auto made = make_user_namespace(step);
        if (!made) return SysStatus::failure(made.error());
        user_namespace.reset(made.value());
        return SysStatus::success();
    }
    SysStatus operator()(const op::MakeCgroup& step) const { return make_cgroup(step.mount, step.path, step.v2); }
    SysStatus operator()(const op::SetCgroup& step) const {
        return write_cgroup_file(step.path, {step.value.data(), step.value.size()});
    }
    SysStatus operator()(const op::LimitDevices& step) const {
        const Fd cgroup(::open(step.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return cgroup ? attach_device_program(cgroup.get(), step.program) : SysStatus::failure(errno);
    }
    SysStatus operator()(const op::RecordProcess& step) const {
        const auto record = [&] { return record_process(step.path, launched->pid, launched->mount_namespace); };
        const auto done = record();
        if (done.error() != ENOENT) return done;
        const std::string_view path = step.path;
        const int error = make_with_parents(std::string(path.substr(0, path.rfind('/'))), 0700);
        return error == 0 || error == EEXIST ? record() : SysStatus::failure(error);
    }
    template <class ChildStep>
    SysStatus operator()(const ChildStep&) const {
        return SysStatus::failure(ENOSYS);
    }
};

ChildReport failure(std::size_t step, int error) {
    ChildReport report;
    report.step = static_cast<std::int32_t>(step);
    report.error = error;
    return report;
}

void note(StepClock* clock, std::size_t step) {
    if (clock != nullptr) clock->finished()[step] = kernel::monotonic_nanoseconds();
}

// The steps of one phase, which begins at this index. Returns the index behind them.
std::size_t execute_host_steps(const Plan& plan, std::size_t i, Phase phase, const HostSteps& execute) {
    for (; plan.steps[i].phase == phase; i++) {
        if (const auto done = std::visit(execute, plan.steps[i].operation); !done)
            throw step_error(plan, failure(i, done.error()));
        note(execute.clock, i);
    }
    return i;
}

std::size_t first_of_child(const Plan& plan, std::size_t i) {
    while (plan.steps[i].phase == Phase::host_after) i++;
    return i;
}

// Reads the child's reports until it has exec'ed or failed. The terminal, if it has one.
Fd await_exec(int socket, std::size_t first_child_step) {
    Fd terminal;
    while (true) {
        ChildReport report;
        const auto received = kernel::receive_message(socket, &report, sizeof report);
        if (!received) throw system_error("cannot read the child's report", received.error());
        if (received.value().size == 0) return terminal;
        if (report.kind == ChildReport::Kind::terminal) {
            terminal.reset(received.value().fd);
            continue;
        }
        report.step += static_cast<std::int32_t>(first_child_step);
        throw LaunchFailure(report);
    }
}

// Which file a process runs, and by which mount it got there.
struct Program {
    bool known = false;
    std::uint64_t mount = 0, inode = 0;
    std::uint32_t major = 0, minor = 0;
    bool operator==(const Program&) const = default;
};

Program program_of(const std::string& process) {
    struct statx info {};
    const bool known =
        ::statx(AT_FDCWD, cat("/proc/", process, "/exe").c_str(), 0, STATX_INO | STATX_MNT_ID, &info) == 0;
    return {known, info.stx_mnt_id, info.stx_ino, info.stx_dev_major, info.stx_dev_minor};
}

// With --init it is a child of the reaper that the image's program runs in; empty if it has ended, or the kernel does
// not tell (CONFIG_PROC_CHILDREN).
std::string process_of_program(const Plan& plan, pid_t pid) {
    const bool below_reaper = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<op::ForkInit>(step.operation);
    });
    if (!below_reaper) return cat(pid);
    std::ifstream children(cat("/proc/", pid, "/task/", pid, "/children"));
    std::string first;
    children >> first;
    return first;
}

// Whatever the child's own look at the command has seen, which is not the one that execve takes: no container runs
// minirun's own program (CVE-2019-5736). In no mount of a container is that file by the mount through which it is ours;
// a volume with minirun in it is another.
void check_program(const Plan& plan, pid_t pid) {
    const auto its = program_of(process_of_program(plan, pid));
    if (!its.known || its != program_of("self")) return;
    const auto check = std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<op::CheckCommand>(step.operation);
    });
    throw LaunchFailure(failure(static_cast<std::size_t>(check - plan.steps.begin()), ELOOP));
}

}  // namespace

StepClock::StepClock(std::size_t steps) {
    void* memory =
        ::mmap(nullptr, steps * sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw Error(ErrorKind::system, "cannot share memory with the container", "", errno);
    finished_ = {static_cast<std::int64_t*>(memory), steps};
}

StepClock::~StepClock() { ::munmap(finished_.data(), finished_.size_bytes()); }

Launched launch(const Plan& plan, const StandardStreams& streams, const sigset_t& signal_mask, StepClock* clock) {
    if (clock != nullptr) clock->started = kernel::monotonic_nanoseconds();
    Fd user_namespace;
    const auto clone_step = execute_host_steps(plan, 0, Phase::host_before, {user_namespace, clock});
    const auto after_clone = clone_step + 1;
    const auto first_child_step = first_of_child(plan, after_clone);

    const auto pair = kernel::socket_pair();
    if (!pair) throw system_error("cannot make a socket pair", pair.error());
    const Fd here(pair.value().here);
    Fd there(pair.value().there);

    const ChildStart start{
        there.get(),          here.get(),  {streams.in, streams.out, streams.err},
        user_namespace.get(), signal_mask, clock == nullptr ? nullptr : &clock->finished()[first_child_step]};
    ChildProcess child(std::get<op::CloneProcess>(plan.steps[clone_step].operation),
                       std::span(plan.steps).subspan(first_child_step), start);
    if (child.error() != 0) throw step_error(plan, failure(clone_step, child.error()));
    note(clock, clone_step);

    Launched launched{child.pid(), Fd(), open_mount_namespace(child.pid()), Fd()};
    // The child's end must be the only one: its closing is what we wait for.
    there.reset();
    execute_host_steps(plan, after_clone, Phase::host_after, {user_namespace, clock, &launched});
    // EPIPE: a child that has failed already does not hear it; what it reported is still there to be read.
    if (const auto sent = kernel::send_message(here.get(), "", 1); !sent && sent.error() != EPIPE)
        throw system_error("cannot tell the child to go on", sent.error());
    launched.terminal = await_exec(here.get(), first_child_step);
    check_program(plan, child.pid());
    note(clock, plan.steps.size() - 1);
    launched.pidfd = child.release();
    return launched;
}

}  // namespace minirun
