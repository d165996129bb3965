// What is done to containers that other commands find.
#include "minirun/containers.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/usage.hpp"
#include "image/remove_image.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/left_behind.hpp"
#include "launch/signals.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/runtime_spec.hpp"
#include "model/runtime_spec_resources.hpp"
#include "runtime/container_changes.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/container_network.hpp"
#include "runtime/events.hpp"
#include "runtime/make_request.hpp"
#include "runtime/named_file.hpp"
#include "runtime/observed_containers.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

// How long a process that was killed may take to be gone, and its supervisor to write that down.
constexpr int patience = 20000;  // milliseconds

Error not_running(const std::string& word) {
    return {ErrorKind::conflict, cat("container ", quote(word), " is not running"), "minirun start starts it"};
}

// What a supervisor cannot take, or keeps to itself: those are sent past it.
bool goes_past_supervisor(int signal) {
    constexpr int own[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGWINCH};
    return std::find(std::begin(own), std::end(own), signal) != std::end(own);
}

// By its supervisor, who sees to it that a first process without a handler is reached, too.
SysStatus send(const StoredContainer& container, int signal) {
    const auto supervisor = container.open_supervisor();
    if (supervisor && !goes_past_supervisor(signal)) return kernel::send_signal(supervisor.get(), signal);
    const auto process = open_recorded_process(container.path() + "/process");
    return process ? kernel::send_signal(process.get(), signal) : SysStatus::failure(ESRCH);
}

void kill_all(const StoredContainer& container) {
    if (const auto place = container.record().cgroup()) kill_cgroup(*place, SIGKILL);  // also what is frozen
    end_recorded_process(container.path() + "/process");
}

// Its supervisor ends with it, unless it hangs.
void await_end(const StoredContainer& container) {
    if (container.await_supervisor(patience)) return;
    if (const auto supervisor = container.open_supervisor()) (void)kernel::send_signal(supervisor.get(), SIGKILL);
    if (!container.await_supervisor(patience))
        throw Error(ErrorKind::system, cat("container ", quote(container.facts().name),
                                           " does not end: it hangs in a system call, of a file system perhaps"));
}

void tell(const StoredContainer& container, std::string_view action, const EventAttributes& attributes = {}) {
    tell_event(default_paths(), container.facts(), action, attributes);
}

// One that waits to be started again ends at once.
void end(const StoredContainer& container, std::chrono::nanoseconds timeout, int signal) {
    container.stop_by_hand(true);
    auto process = open_recorded_process(container.path() + "/process");
    if (!process) {
        constexpr int moment = 2000;  // milliseconds
        if (const auto supervisor = container.open_supervisor()) (void)kernel::send_signal(supervisor.get(), SIGTERM);
        if (container.await_supervisor(moment)) return;
        process = open_recorded_process(container.path() + "/process");
    }
    (void)send(container, signal);
    tell(container, "kill", {{"signal", cat(signal)}});
    if (const auto place = container.record().cgroup(); place && is_frozen(*place)) thaw_cgroup(*place);
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    const bool ended =
        !process || kernel::await_end(process.get(), static_cast<int>(std::min<long long>(milliseconds, INT32_MAX)));
    if (!ended) kill_all(container);
    await_end(container);
}

void require_running(StoredContainer& container) {
    const auto phase = container.observe().phase;
    if (phase != ContainerPhase::running && phase != ContainerPhase::paused) throw not_running(container.facts().name);
}

CgroupPlace place_of(StoredContainer container) {
    require_running(container);
    auto place = container.record().cgroup();
    if (!place)
        throw Error(ErrorKind::unsupported, cat("container ", quote(container.facts().name), " has no cgroup"),
                    "this host has none mounted");
    return std::move(*place);
}

std::string network_word(const LaunchRequest& request) {
    if (request.pasta) return "pasta";
    if (request.bridge)
        return request.bridge->networks.empty() ? "bridge" : "bridge:" + request.bridge->networks.front().network;
    if (!request.network_of.empty()) return "container:" + request.network_of;
    const auto* network = find_namespace(request.spec, NamespaceType::network);
    if (network == nullptr) return "host";
    return network->path.empty() ? "none" : "ns:" + network->path;
}

}  // namespace

Containers::Containers() = default;

std::string Containers::create(const Image& image, const RunOptions& options) const {
    const SignalsBlocked signals;
    const auto paths = default_paths();
    Fd held;
    if (!image.id.empty()) held = hold_image(ImageStore(paths.data), image.id);
    if (!image.id.empty() && !held)
        throw Error(ErrorKind::not_found, cat("the image ", quote(image.name), " was removed just now"));
    auto request = make_request(image, options, paths);
    if (!options.quiet)
        for (const auto& notice : request.notices) ::dprintf(STDERR_FILENO, "minirun: %s\n", notice.c_str());
    if (request.name.empty()) request.name = request.id.substr(0, 12);
    ContainerDirectory directory(paths, request.id, request.name);
    NamedFile cidfile(options.cidfile);
    if (!image.id.empty()) note_image(request.container_dir, image.id);
    cidfile.write(request.id);
    const auto container = StoredContainer::make(paths, facts_of(image, options, request), request);
    directory.keep();
    cidfile.keep();
    tell(container, "create");
    return request.id;
}

std::vector<ContainerSummary> Containers::list() const { return observe_all(default_paths()); }

void Containers::each(const std::function<bool(const ContainerSummary&)>& see) const {
    observe_each(default_paths(), see);
}

ContainerSummary Containers::summary(const std::string& word) const {
    return StoredContainer::find(default_paths(), word).observe();
}

ContainerDetails Containers::inspect(const std::string& word) const {
    auto container = StoredContainer::find(default_paths(), word);
    const auto request = container.request();
    const auto record = network_of_container(container.path());
    return {.summary = container.observe(),
            .spec = request.spec,
            .layers = request.root.layers,
            .network = network_word(request),
            .ends = record ? record->ends : std::vector<NetworkEnd>{},
            .interactive = request.streams.interactive,
            .init = request.supervision.init,
            .stop_signal = request.supervision.stop_signal,
            .stop_timeout = request.supervision.stop_timeout,
            .health_check = container.facts().health};
}

int Containers::wait(const std::string& word) const {
    return StoredContainer::find(default_paths(), word).await_supervisor(-1).value_or(0);
}

void Containers::stop(const std::string& word, std::optional<std::chrono::nanoseconds> timeout) const {
    auto container = StoredContainer::find(default_paths(), word);
    const auto phase = container.observe().phase;
    if (is_at_rest(phase)) return;
    const auto supervision = container.request().supervision;
    end(container, timeout.value_or(supervision.stop_timeout), supervision.stop_signal);
    tell(container, "stop");
}

void Containers::kill(const std::string& word, int signal) const {
    auto container = StoredContainer::find(default_paths(), word);
    require_running(container);
    if (signal == SIGKILL) {
        container.stop_by_hand(true);
        tell(container, "kill", {{"signal", cat(signal)}});
        kill_all(container);
        return await_end(container);
    }
    if (const auto sent = send(container, signal); !sent) {
        if (sent.error() == ESRCH) throw not_running(word);
        throw system_error(cat("cannot signal container ", quote(word)), sent.error());
    }
    tell(container, "kill", {{"signal", cat(signal)}});
}

void Containers::pause(const std::string& word) const {
    const auto container = StoredContainer::find(default_paths(), word);
    const auto place = place_of(container);
    if (is_frozen(place)) throw Error(ErrorKind::conflict, cat("container ", quote(word), " is paused already"));
    note_change(container.path());
    freeze_cgroup(place);
    note_change(container.path());
    tell(container, "pause");
}

void Containers::unpause(const std::string& word) const {
    const auto container = StoredContainer::find(default_paths(), word);
    const auto place = place_of(container);
    if (!is_frozen(place)) throw Error(ErrorKind::conflict, cat("container ", quote(word), " is not paused"));
    thaw_cgroup(place);
    tell(container, "unpause");
}

void Containers::remove(const std::string& word, bool force) const {
    auto container = StoredContainer::find(default_paths(), word);
    const auto phase = container.observe().phase;
    const bool lives = !is_at_rest(phase);
    if (lives && !force)
        throw Error(ErrorKind::conflict, cat("cannot remove container ", quote(word), ": it is ", phase_word(phase)),
                    "stop it first, or remove it with --force");
    if (lives) end(container, std::chrono::nanoseconds(0), SIGKILL);
    if (!is_stored_container(container.path())) return;  // --rm was faster
    const auto lock = container.lock();
    container.remove();
}

void Containers::rename(const std::string& word, const std::string& name) const {
    auto container = StoredContainer::find(default_paths(), word);
    const auto old = container.facts().name;
    container.rename(name);
    tell(container, "rename", {{"oldName", old}});
}

Changes Containers::changes(const std::string& word) const {
    const auto request = StoredContainer::find(default_paths(), word).request();
    if (request.root.kind == RootSource::Kind::directory || request.root.upper == RootSource::Upper::memory)
        throw Error(ErrorKind::unsupported,
                    cat("container ", quote(word), " has no writable layer on disk that could be looked at"));
    return changes_of(request, Fd(), [] { return false; });
}

ContainerUsage Containers::usage(const std::string& word) const {
    const auto place = place_of(StoredContainer::find(default_paths(), word));
    const auto verdict = cgroup_verdict(place);
    return {verdict.cpu_nanoseconds,
            memory_usage(place),
            verdict.memory_limit,
            verdict.read_bytes.value_or(0),
            verdict.written_bytes.value_or(0),
            cgroup_processes(place).size()};
}

void Containers::update(const std::string& word, const Resources& wanted,
                        const std::optional<RestartPolicy>& restart) const {
    auto container = StoredContainer::find(default_paths(), word);
    const auto phase = container.observe().phase;
    if (container.facts().remove && restart && restart->when != RestartPolicy::When::never)
        throw Error(ErrorKind::conflict, cat("container ", quote(container.facts().name),
                                             " goes with its end (--rm): it cannot be restarted"));
    const auto changes = resources_json(wanted);
    if (!changes.empty() && (phase == ContainerPhase::running || phase == ContainerPhase::paused))
        Lifecycle(default_paths().containers).update(container.id(), changes.dump(), "minirun update");
    container.update(changes, restart);
    tell(container, "update");
}

std::vector<pid_t> Containers::processes(const std::string& word) const {
    return cgroup_processes(place_of(StoredContainer::find(default_paths(), word)));
}

}  // namespace minirun
