// From create to a container that runs.
#include "minirun/lifecycle.hpp"

#include <unistd.h>

#include <chrono>

#include "base/file.hpp"
#include "base/path.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "cgroup/control.hpp"
#include "cgroup/usage.hpp"
#include "kernel/features.hpp"
#include "launch/child_process.hpp"
#include "launch/hooks.hpp"
#include "launch/launcher.hpp"
#include "launch/left_behind.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/relay.hpp"
#include "launch/signals.hpp"
#include "launch/supervise.hpp"
#include "minirun/error.hpp"
#include "model/container_state.hpp"
#include "runtime/container_record.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/driven_request.hpp"
#include "runtime/hook_inside.hpp"
#include "runtime/join.hpp"
#include "runtime/notify_socket.hpp"

namespace minirun {
namespace {

std::string manager_word(CreateOptions::CgroupManager manager) {
    if (manager == CreateOptions::CgroupManager::systemd) return "systemd";
    return manager == CreateOptions::CgroupManager::disabled ? "disabled" : "";
}

// A container on its way: its record, and how it is to be launched.
struct Prepared {
    ContainerRecord record;
    LaunchRequest request;
};

Prepared prepare(const std::string& root, const CreateOptions& options) {
    const auto config = options.config ? *options.config : read_bundle_config(options);
    Prepared prepared{ContainerRecord::make(root, options.id), {}};
    auto& record = prepared.record;
    record.lock();
    try {
        // The owner is told by number: nothing here may load what a name service wants.
        Made made{config.bundle,
                  "",
                  rfc3339(std::chrono::system_clock::now()),
                  ::geteuid() == 0 ? "root" : cat(::geteuid()),
                  options.streams.preserve_fds,
                  options.pivot_root,
                  options.new_keyring,
                  manager_word(options.cgroup_manager),
                  options.streams.listen_fds,
                  options.streams.notify_socket};
        prepared.request = driven_request(record, made, config.spec, config.file);
        made.rootfs = prepared.request.spec.root.path;
        if (!made.notify_socket.empty()) NotifySocket::make_directory(record, made.notify_socket);
        record.write_config(config.text);
        record.write(made);
    } catch (...) {
        record.remove();
        throw;
    }
    return prepared;
}

// Whoever removes the container is going to end all that is in its cgroup.
void claim_cgroup(const ContainerRecord& record, const LaunchRequest& request, const KernelFeatures& features) {
    const auto place = cgroup_of(request, features.cgroups);
    if (!place) return;
    refuse_occupied(*place);
    record.expect_cgroup(*place);
}

std::optional<NotifySocket> listen_for_readiness(const ContainerRecord& record, const std::string& host) {
    return host.empty() ? std::nullopt : std::optional<NotifySocket>(std::in_place, record, host);
}

// In the container, with the rights that its process is going to have (config.md "StartContainer Hooks").
void run_start_container_hooks(const ContainerRecord& record, const LaunchRequest& container) {
    const auto& hooks = container.spec.hooks.start_container;
    if (hooks.empty()) return;
    const JoinedProcess joined(record);
    const auto told = hook_state(container.spec, record.id(), container.driven.bundle, ContainerStatus::created);
    for (const auto& hook : hooks) run_hook_inside(record, joined, hook, told);
}

// From created to running.
void start_waiting(const ContainerRecord& record, const LaunchRequest& request, const Plan& plan, pid_t pid) {
    const auto process = record.open_process();
    const auto socket = record.connect_to_start();
    if (!process || !socket)
        throw Error(ErrorKind::conflict,
                    cat("cannot start container ", quote(record.id()), ": it does not wait any more"));
    try {
        run_start_container_hooks(record, request);
        start_or_explain(plan, request, socket.get(), pid, process);
    } catch (...) {
        end_recorded_process(record.process());
        record.started();
        throw;
    }
    record.started();
}

// At the end of run; somebody else may have done it.
void undo_own(ContainerRecord& record, const LaunchRequest& request) {
    try {
        record.lock();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return;
        throw;
    }
    undo(record, &request.spec, request.driven.bundle);
}

void warn(const std::vector<std::string>& complaints) {
    for (const auto& complaint : complaints) log_warning(complaint);
}

// 137 alone does not say who has sent the signal.
void warn_about_oom(const CgroupPlace& place) {
    if (oom_kills(place) == 0) return;
    const auto verdict = cgroup_verdict(place);
    log_warning(cat("the kernel killed ", verdict.oom_kills, verdict.oom_kills == 1 ? " process" : " processes",
                    " of the container: out of memory", verdict.own_memory_limit ? ", by its own limit" : ""));
}

}  // namespace

BundleConfig read_bundle_config(const CreateOptions& options) {
    BundleConfig config;
    config.bundle = real_path(options.bundle);
    const bool is_other = !options.config_file.empty();
    config.file =
        absolute_path(is_other ? options.config_file : "config.json", is_other ? real_path(".") : config.bundle);
    config.text = read_file(config.file, max_config_size);
    config.spec = parse_runtime_spec(config.text, config.file);
    return config;
}

Lifecycle::Lifecycle(std::string root) : root_(record_root(root)) {}

void Lifecycle::create(const CreateOptions& options) const {
    const SignalsBlocked signals;
    auto prepared = prepare(root_, options);
    const auto& record = prepared.record;
    auto& request = prepared.request;
    RemovesRecord on_error(record, request);
    check_console(request, options.streams, false);
    request.driven.waits_for_start = true;
    const auto features = features_for(request);
    const auto plan = plan_from_request(request, features);
    claim_cgroup(record, request, features);
    const auto listener = record.listen_for_start();
    const LaunchSetting setting{{}, signals.before(), listener.get(), nullptr, on_error.hooked()};
    const auto launched = launch_or_explain(plan, request, setting);
    on_error.launched();
    EndsProcess process(launched.pidfd);
    hand_over(launched, options.streams);
    process.dismiss();
    on_error.dismiss();
}

void Lifecycle::start(const std::string& id) const {
    auto record = ContainerRecord::open(root_, id);
    record.lock();
    const auto state = record.observe();
    if (state.status != ContainerStatus::created)
        throw Error(ErrorKind::conflict, cat("cannot start container ", quote(id), ": it is ",
                                             status_word(state.status), ", and only a created one can be started"));
    const auto made = record.read();
    auto request = driven_request(record, made, record.read_spec(), record.path() + "/config.json");
    request.driven.waits_for_start = true;
    const auto features = features_for(request);
    const auto plan = plan_from_request(request, features);
    const auto notify = listen_for_readiness(record, made.notify_socket);
    const auto process = record.open_process();
    start_waiting(record, request, plan, state.pid);
    record.unlock();  // for whoever is called by the hooks
    const auto told = hook_state(request.spec, id, made.bundle, ContainerStatus::running);
    warn(run_all_hooks("poststart", request.spec.hooks.poststart, told, made.bundle, state.pid));
    if (notify) notify->await_ready(process, state.pid);
}

int Lifecycle::run(const CreateOptions& options) const {
    const SignalsBlocked signals;
    auto prepared = prepare(root_, options);
    auto& record = prepared.record;
    auto& request = prepared.request;
    RemovesRecord on_error(record, request);
    check_console(request, options.streams, !options.detach);
    request.driven.waits_for_start = !request.spec.hooks.start_container.empty();
    const auto features = features_for(request);
    const auto plan = plan_from_request(request, features);
    claim_cgroup(record, request, features);
    const auto listener = request.driven.waits_for_start ? record.listen_for_start() : Fd();
    const bool serves_terminal = request.streams.tty && options.streams.console_socket.empty();
    request.streams.interactive = serves_terminal && ::isatty(STDIN_FILENO) != 0;
    ContainerStreams streams(request.streams, {});
    const auto notify = listen_for_readiness(record, options.streams.notify_socket);
    auto launched = launch_or_explain(
        plan, request, {streams.for_launch(), signals.before(), listener.get(), nullptr, on_error.hooked()});
    on_error.launched();
    EndsProcess process(launched.pidfd);
    hand_over(launched, options.streams);
    if (request.driven.waits_for_start) start_waiting(record, request, plan, launched.pid);
    record.unlock();  // for who kills it, deletes it with --force, or is called by the hooks
    const auto& hooks = request.spec.hooks;
    const auto told = hook_state(request.spec, options.id, request.driven.bundle, ContainerStatus::running);
    warn(run_all_hooks("poststart", hooks.poststart, told, request.driven.bundle, launched.pid));
    if (notify && !options.detach) notify->await_ready_aside(launched.pidfd, launched.pid);
    if (options.detach) {
        process.dismiss();
        on_error.dismiss();
        if (notify) notify->await_ready(launched.pidfd, launched.pid);
        return 0;
    }
    if (!serves_terminal) launched.terminal.reset();
    streams.start(launched);
    const auto ending = supervise(launched, request, streams);
    process.dismiss();
    on_error.dismiss();
    if (const auto place = record.cgroup()) warn_about_oom(*place);
    if (!options.keep) undo_own(record, request);
    return exit_code_of(ending.process);
}

}  // namespace minirun
