#include "runtime/driven_launch.hpp"

#include <unistd.h>

#include <cerrno>
#include <exception>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "launch/exec_diagnosis.hpp"
#include "launch/hooks.hpp"
#include "launch/send_descriptor.hpp"
#include "minirun/error.hpp"
#include "model/container_state.hpp"
#include "plan/hints.hpp"

namespace minirun {
namespace {

std::function<void(const std::string&)>& warning_log() {
    static std::function<void(const std::string&)> log;
    return log;
}

Error launch_error(const Plan& plan, const LaunchRequest& request, const ChildReport& report) {
    const auto& step = plan.steps[static_cast<std::size_t>(report.step)].operation;
    const bool not_there = std::holds_alternative<op::CheckCommand>(step) && report.error != ELOOP;
    const bool about_command = std::holds_alternative<op::Exec>(step) || not_there;
    return about_command ? exec_error(request, report) : step_error(plan, report);
}

}  // namespace

RemovesRecord::~RemovesRecord() {
    if (record_ == nullptr) return;
    try {
        record_->remove();
        if (hooked_) run_poststop_hooks(request_.spec, request_.id, request_.driven.bundle);
    } catch (const std::exception&) {
        // What is left can be deleted with --force.
    }
}

void run_poststop_hooks(const ContainerSpec& spec, const std::string& id, const std::string& bundle) {
    const auto told = hook_state(spec, id, bundle, ContainerStatus::stopped);
    for (const auto& complaint : run_all_hooks("poststop", spec.hooks.poststop, told, bundle, 0))
        log_warning(complaint);
}

void check_console(const LaunchRequest& request, const ProcessStreams& streams, bool foreground) {
    const bool has_socket = !streams.console_socket.empty();
    if (request.streams.tty && !has_socket && !foreground)
        throw Error(ErrorKind::usage, "the container has a terminal, and --console-socket does not say where it goes",
                    "give the socket, or set .process.terminal to false");
    if (!request.streams.tty && has_socket)
        throw Error(ErrorKind::usage, "--console-socket is given, and the container has no terminal",
                    "set .process.terminal to true, or leave it out");
}

Launched launch_or_explain(const Plan& plan, const LaunchRequest& request, const LaunchSetting& setting) {
    try {
        return launch(plan, setting);
    } catch (const LaunchFailure& failed) {
        throw launch_error(plan, request, failed.report);
    } catch (const Error& error) {
        // Another container was faster: this one has none that could be removed.
        if (error.kind() == ErrorKind::conflict) ::unlink(cat(request.container_dir, '/', cgroup_record).c_str());
        throw;
    }
}

void start_or_explain(const Plan& plan, const LaunchRequest& request, int socket, pid_t pid, const Fd& process) {
    try {
        start_created(plan, socket, pid, process);
    } catch (const LaunchFailure& failed) {
        throw launch_error(plan, request, failed.report);
    }
}

void hand_over(const Launched& launched, const ProcessStreams& streams) {
    // With the name that runc sends.
    if (!streams.console_socket.empty())
        send_descriptor("the terminal", streams.console_socket, "/dev/ptmx", launched.terminal.get());
    if (!streams.pidfd_socket.empty())
        send_descriptor("the pidfd", streams.pidfd_socket, "pidfd", launched.pidfd.get());
    if (!streams.pid_file.empty()) replace_file(streams.pid_file, cat(launched.pid), 0644);
}

int exit_code_of(const kernel::ProcessEnd& end) noexcept { return end.signaled ? 128 + end.code : end.code; }

void set_warning_log(std::function<void(const std::string&)> log) { warning_log() = std::move(log); }

void log_warning(const std::string& text) {
    if (warning_log()) warning_log()(text);
}

}  // namespace minirun
