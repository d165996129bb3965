// Another process in a container.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "kernel/features.hpp"
#include "kernel/process.hpp"
#include "launch/child_process.hpp"
#include "launch/launcher.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/relay.hpp"
#include "launch/signals.hpp"
#include "launch/supervise.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/runtime_spec.hpp"
#include "runtime/container_record.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/driven_request.hpp"
#include "runtime/join.hpp"

namespace minirun {
namespace {

void check_status(const std::string& id, ContainerStatus status, bool even_if_paused) {
    const bool paused = status == ContainerStatus::paused && !even_if_paused;
    if (status != ContainerStatus::stopped && status != ContainerStatus::creating && !paused) return;
    throw Error(ErrorKind::conflict,
                cat("cannot exec in container ", quote(id), ": container not running, it is ", status_word(status)),
                paused ? "resume it first" : "");
}

// A container that divides its own cgroup, as systemd does, has all its processes below it.
std::string cgroup_below(const ContainerRecord& record, pid_t first) {
    const auto place = record.cgroup();
    return place ? cgroup_of_member(*place, first) : "";
}

// All of a session, of which the first process has been killed: a shell's commands, say. Only what is the container's:
// a session that has no process left gives its number back.
void end_session(const ContainerRecord& record, pid_t session) {
    const auto place = record.cgroup();
    constexpr int rounds = 100, microseconds = 1000;
    for (int round = 0; place && round < rounds; round++) {
        bool found = false;
        for (const auto pid : cgroup_processes(*place)) {
            // Opened before it is looked at: the number may be another process's a moment later.
            const Fd process(kernel::open_process(pid));
            if (process && ::getsid(pid) == session) found = kernel::send_signal(process.get(), SIGKILL).ok() || found;
        }
        if (!found) return;
        ::usleep(microseconds);
    }
}

}  // namespace

int Lifecycle::exec(const ExecOptions& options) const {
    const SignalsBlocked signals;
    auto record = ContainerRecord::open(root_, options.id);
    // Whoever is making or starting it holds the lock: until then its namespaces are half made, the host's tree is in
    // its mount namespace, and its process is minirun itself.
    record.lock();
    const auto state = record.observe();
    check_status(options.id, state.status, options.even_if_paused);
    const JoinedProcess joined(record);
    auto request = join_request(record, joined, options.process(joined.spec(), state.pid));
    request.driven.cgroup_below = options.cgroup.empty() ? cgroup_below(record, state.pid) : options.cgroup;
    record.unlock();
    request.streams.preserved = options.streams.preserve_fds;
    const bool serves_terminal = request.streams.tty && options.streams.console_socket.empty();
    check_console(request, options.streams, !options.detach);
    request.streams.interactive =
        options.for_person ? options.interactive : serves_terminal && ::isatty(STDIN_FILENO) != 0;
    request.streams.descriptors = options.descriptors;
    if (options.for_person) request.streams.inherited = false;
    if (options.timeout) request.supervision = {.timeout = options.timeout, .stop_signal = SIGKILL, .stop_timeout = {}};
    if (options.privileged) request.spec.linux_.seccomp.reset();
    const auto plan = plan_exec(request, features_for(request));
    ContainerStreams streams(request.streams, {});
    auto launched = launch_or_explain(plan, request, {streams.for_launch(), signals.before(), -1, nullptr});
    EndsProcess process(launched.pidfd);
    hand_over(launched, options.streams);
    if (options.started) options.started();
    if (options.detach) {
        process.dismiss();
        return 0;
    }
    if (!serves_terminal) launched.terminal.reset();
    streams.start(launched);
    const auto ending = supervise(launched, request, streams);
    process.dismiss();
    if (ending.by != EndedBy::time_limit) return exit_code_of(ending.process);
    end_session(record, launched.pid);
    return 124;
}

}  // namespace minirun
