#include "launch/launcher.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/copy_tree.hpp"
#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/files.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/child.hpp"
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

struct Child {
    std::span<const Step> steps;
    const ChildStart& start;

    static void run(void* child) noexcept {
        const auto& self = *static_cast<const Child*>(child);
        run_child(self.steps, self.start);
    }
};

// For a child in our memory. It is to stay until that has exec'ed or ended.
class ChildStack {
public:
    ~ChildStack() {
        if (memory_ != MAP_FAILED) ::munmap(memory_, size);
    }
    ChildStack() = default;
    ChildStack(const ChildStack&) = delete;
    ChildStack& operator=(const ChildStack&) = delete;

    // Empty if there is no memory. The page at the low end is a guard.
    std::span<std::byte> get() {
        memory_ = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        if (memory_ == MAP_FAILED) return {};
        auto* const low = static_cast<std::byte*>(memory_) + guard;
        if (::mprotect(low, size - guard, PROT_READ | PROT_WRITE) < 0) return {};
        return {low, size - guard};
    }

private:
    static constexpr std::size_t guard = 4096, size = guard + 64 * 1024;
    void* memory_ = MAP_FAILED;
};

// A child in our memory makes it non-dumpable; execve gives it a memory of its own, and ours is what it was again.
class DumpableAgain {
public:
    ~DumpableAgain() {
        if (was_) (void)kernel::set_dumpable(true);
    }
    DumpableAgain() = default;
    DumpableAgain(const DumpableAgain&) = delete;
    DumpableAgain& operator=(const DumpableAgain&) = delete;

private:
    const bool was_ = kernel::is_dumpable();
};

// A sanitizer keeps what it knows of a thread in that thread's storage, and so cannot follow a child in our memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_can_be_shared = false;
#else
constexpr bool memory_can_be_shared = true;
#endif

SysResult<kernel::Cloned> clone_child(const op::CloneProcess& step, ChildStack& stack, Child& child) {
    if (const auto memory = step.in_memory && memory_can_be_shared ? stack.get() : std::span<std::byte>();
        !memory.empty()) {
        const auto cloned = kernel::clone_process_in_memory(step.flags, memory, &Child::run, &child);
        if (cloned || cloned.error() != ENOSYS) return cloned;
    }
    const auto cloned = kernel::clone_process(step.flags);
    if (cloned && cloned.value().pid == 0) run_child(child.steps, child.start);
    return cloned;
}

void end_child(const Launched& launched) {
    (void)kernel::send_signal(launched.pidfd.get(), SIGKILL);
    (void)kernel::wait_pidfd(launched.pidfd.get());
}

// Reads the child's reports until it has exec'ed or failed.
Fd await_exec(int socket, std::size_t first_child_step, const Launched& launched) {
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
        (void)kernel::wait_pidfd(launched.pidfd.get());
        report.step += static_cast<std::int32_t>(first_child_step);
        throw LaunchFailure(report);
    }
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
    Child child{std::span(plan.steps).subspan(first_child_step), start};
    ChildStack stack;
    const DumpableAgain dumpable_again;
    const auto cloned = clone_child(std::get<op::CloneProcess>(plan.steps[clone_step].operation), stack, child);
    if (!cloned) throw step_error(plan, failure(clone_step, cloned.error()));
    note(clock, clone_step);

    Launched launched{cloned.value().pid, Fd(cloned.value().pidfd), open_mount_namespace(cloned.value().pid), Fd()};
    // The child's end must be the only one: its closing is what we wait for.
    there.reset();
    try {
        execute_host_steps(plan, after_clone, Phase::host_after, {user_namespace, clock, &launched});
    } catch (...) {
        end_child(launched);
        throw;
    }
    // A child that has failed already does not hear it; what it reported is still there to be read.
    (void)kernel::send_message(here.get(), "", 1);
    launched.terminal = await_exec(here.get(), first_child_step, launched);
    note(clock, plan.steps.size() - 1);
    return launched;
}

}  // namespace minirun
