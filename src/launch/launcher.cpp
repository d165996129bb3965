#include "launch/launcher.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/child.hpp"
#include "launch/child_process.hpp"
#include "launch/host_steps.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "plan/hints.hpp"

namespace minirun {
namespace {

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
std::size_t execute_host_steps(const Plan& plan, std::size_t i, Phase phase, HostSide& side, StepClock* clock) {
    const HostSteps execute(side);
    for (; plan.steps[i].phase == phase; i++) {
        if (const auto done = std::visit(execute, plan.steps[i].operation); !done)
            throw step_error(plan, failure(i, done.error()));
        note(clock, i);
    }
    return i;
}

// With --init it is a child of the reaper that the image's program runs in; empty if it has ended, or the kernel does
// not tell (CONFIG_PROC_CHILDREN).
std::string process_of_program(const Plan& plan, pid_t pid) {
    if (step_of<op::ForkInit>(plan) == nullptr) return cat(pid);
    std::ifstream children(cat("/proc/", pid, "/task/", pid, "/children"));
    std::string first;
    children >> first;
    return first;
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

// Whatever the child's own look at the command has seen, which is not the one that execve takes: no container runs
// minirun's own program (CVE-2019-5736). In no mount of a container is that file by the mount through which it is ours;
// a volume with minirun in it is another.
void check_program(const Plan& plan, pid_t pid, const Program& ours) {
    const auto its = program_of(process_of_program(plan, pid));
    if (!its.known || its != ours) return;
    const auto check = std::find_if(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
        return std::holds_alternative<op::CheckCommand>(step.operation);
    });
    throw LaunchFailure(failure(static_cast<std::size_t>(check - plan.steps.begin()), ELOOP));
}

// Where the child has made a mount namespace of its own in the end, it is in that one that others are found.
void record_mounts_of_its_own(const Plan& plan, pid_t pid, HostSide& side) {
    const auto* record = step_of<op::RecordProcess>(plan);
    if (record == nullptr || record->ends_all || step_of<op::OwnMounts>(plan) == nullptr) return;
    side.mount_namespace = open_mount_namespace(pid);
    // Not there: the process has ended, and so has what it was looked for.
    if (side.mount_namespace) (void)record_process_again(record->path, pid, side.mount_namespace);
}

}  // namespace

StepClock::StepClock(std::size_t steps) {
    void* memory =
        ::mmap(nullptr, steps * sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw Error(ErrorKind::system, "cannot share memory with the container", "", errno);
    finished_ = {static_cast<std::int64_t*>(memory), steps};
}

StepClock::~StepClock() { ::munmap(finished_.data(), finished_.size_bytes()); }

Launched launch(const Plan& plan, const LaunchSetting& setting) {
    auto* const clock = setting.clock;
    if (clock != nullptr) clock->started = kernel::monotonic_nanoseconds();
    HostSide side;
    side.hooked = setting.hooked;
    const auto clone_step = execute_host_steps(plan, 0, Phase::host_before, side, clock);
    const auto first_child_step = first_of_child(plan);

    const auto pair = kernel::socket_pair();
    if (!pair) throw system_error("cannot make a socket pair", pair.error());
    const Fd here(pair.value().here);
    Fd there(pair.value().there);
    if (const auto told = kernel::tell_senders(here.get()); !told)
        throw system_error("cannot ask who sends what", told.error());

    const auto& streams = setting.streams;
    const ChildStart start{
        there.get(),
        here.get(),
        {streams.in, streams.out, streams.err},
        side.user_namespace.get(),
        {side.owned_namespaces[0].get(), side.owned_namespaces[1].get(), side.owned_namespaces[2].get()},
        side.idmaps.data(),
        side.peers.data(),
        setting.start_listener,
        setting.signal_mask,
        clock == nullptr ? nullptr : &clock->finished()[first_child_step]};
    ChildProcess child(std::get<op::CloneProcess>(plan.steps[clone_step].operation),
                       std::span(plan.steps).subspan(first_child_step), start);
    side.come_back();
    if (child.error() != 0) throw step_error(plan, failure(clone_step, child.error()));
    note(clock, clone_step);

    ChildReports reports(plan, here.get(), child.pid(), child.pidfd());
    side.pid = child.pid();
    side.pidfd = child.pidfd().get();
    side.await_child = [&] { reports.await_gate(); };
    // The child's end must be the only one: its closing is what we wait for.
    there.reset();
    execute_host_steps(plan, clone_step + 1, Phase::host_after, side, clock);
    reports.send_go();
    if (step_of<op::AwaitStart>(plan) != nullptr) {
        reports.await_gate();
    } else {
        reports.await_exec();
        check_program(plan, child.pid(), program_of("self"));
    }
    note(clock, plan.steps.size() - 1);
    record_mounts_of_its_own(plan, child.pid(), side);
    side.keep_devices();
    const auto pid = child.pid();
    return {pid,
            child.release(),
            std::move(side.mount_namespace),
            std::move(reports.terminal),
            std::move(reports.upper),
            std::move(side.kept_mounts),
            std::move(reports.denials),
            std::move(side.network),
            std::move(side.pasta),
            std::move(side.bridges)};
}

void start_created(const Plan& plan, int socket, pid_t pid, const Fd& process) {
    ChildReports reports(plan, socket, pid, process);
    // It is minirun's still, by the mount from which `create` ran.
    const auto ours = program_of(cat(pid));
    reports.send_go();
    reports.await_start();
    check_program(plan, pid, ours);
}

}  // namespace minirun
