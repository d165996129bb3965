// minirun run, from the image to the exit code.
#include <unistd.h>

#include <chrono>
#include <optional>
#include <utility>

#include "base/fd.hpp"
#include "base/rfc3339.hpp"
#include "base/standard_streams.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "cgroup/control.hpp"
#include "image/remove_image.hpp"
#include "kernel/features.hpp"
#include "launch/child_process.hpp"
#include "launch/delivery.hpp"
#include "launch/launcher.hpp"
#include "launch/left_behind.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/signals.hpp"
#include "launch/supervise.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "plan/describe.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/container_log.hpp"
#include "runtime/container_network.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/events.hpp"
#include "runtime/findings.hpp"
#include "runtime/health_monitor.hpp"
#include "runtime/make_request.hpp"
#include "runtime/named_file.hpp"
#include "runtime/own_cgroup.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

// What was done between two steps on the same side of the clone counts for the later one.
std::vector<StepTime> timings_of(const Plan& plan, const StepClock& clock) {
    std::vector<StepTime> timings;
    auto before = clock.started;
    auto cloned = before;
    for (std::size_t i = 0; i < plan.steps.size(); i++) {
        const auto& step = plan.steps[i];
        const bool first_of_child = step.phase == Phase::child && plan.steps[i - 1].phase != Phase::child;
        if (first_of_child) before = cloned;
        const auto done = clock.finished()[i];
        timings.push_back({step_text(step), std::chrono::nanoseconds(done - before)});
        before = done;
        if (step.phase == Phase::clone) cloned = done;
    }
    return timings;
}

// What it ended as, without what was counted and measured.
RunResult result_of(const LaunchRequest& request, const Ending& ending, std::chrono::system_clock::time_point started) {
    RunResult result;
    result.ended_by = ending.by;
    result.signaled = ending.process.signaled;
    result.code = ending.process.code;
    result.id = request.id;
    result.args = request.spec.process.args;
    result.started = started;
    result.user = std::chrono::nanoseconds(ending.process.user_nanoseconds);
    result.system = std::chrono::nanoseconds(ending.process.system_nanoseconds);
    return result;
}

// What other commands find of a container with a name that runs in the foreground: this process supervises it.
class RecordOfRun {
public:
    RecordOfRun(const Paths& paths, const Image& image, const RunOptions& options, const LaunchRequest& request) {
        if (!options.has_record()) return;
        container_.emplace(StoredContainer::make(paths, facts_of(image, options, request), request));
        supervision_ = container_->become_supervisor();
        log_ = ContainerLog::of(*container_);
        progress_.started = rfc3339(std::chrono::system_clock::now());
        container_->write(progress_);
        tell_event(paths, container_->facts(), "create");
    }
    void started(const Paths& paths) const {
        if (container_) tell_event(paths, container_->facts(), "start");
    }
    OutputListener listener() {
        return [this](int stream, std::string_view bytes) {
            if (log_) log_->write(stream, bytes);
        };
    }
    SupervisedService* log_service() const { return log_ ? log_->service() : nullptr; }
    std::unique_ptr<HealthMonitor> monitor_health(const CgroupPlace* cgroup, const sigset_t& mask) const {
        return container_ ? HealthMonitor::of(*container_, cgroup, mask) : nullptr;
    }
    void ended(const Paths& paths, const RunResult& result) {
        if (!container_) return;
        if (log_) log_->finish();
        progress_.finished = rfc3339(std::chrono::system_clock::now());
        progress_.exit_code = result.exit_code();
        progress_.oom_killed = result.resources && result.resources->oom_kills > 0;
        const bool stays = !container_->facts().remove;
        if (stays) try {
                container_->write(progress_);
            } catch (const Error& error) {
                // What the program has done is done, and its exit code is its own.
                ::dprintf(STDERR_FILENO, "minirun: %s\n", error.message().c_str());
            }
        if (progress_.oom_killed) tell_event(paths, container_->facts(), "oom");
        tell_event(paths, container_->facts(), "die", {{"exitCode", cat(progress_.exit_code)}});
        container_->end_supervision(supervision_, progress_.exit_code);
        if (!stays) container_->remove();
    }

private:
    std::optional<StoredContainer> container_;
    StoredContainer::Supervision supervision_;
    std::unique_ptr<ContainerLog> log_;
    ContainerProgress progress_;
};

}  // namespace

std::string plan_of_run(const Image& image, const RunOptions& options, bool as_json) {
    const auto paths = default_paths();
    auto request = make_request(image, options, paths);
    const auto joined = foresee_network(paths, request);
    const auto plan = plan_from_request(request, features_for(request));
    return as_json ? plan_json(plan) : plan_text(plan);
}

struct Runner::Prepared {
    explicit Prepared(Image of) : image(std::move(of)), paths(default_paths()), features(probe_kernel()) {
        check_kernel(features);
        // Whoever removes images leaves this one alone meanwhile.
        if (!image.id.empty()) held = hold_image(ImageStore(paths.data), image.id);
        if (!image.id.empty() && !held)
            throw Error(ErrorKind::not_found, cat("the image ", quote(image.name), " was removed just now"));
        requests.emplace(image, paths);
    }
    /// Probed when the first container wants one: most want none.
    void need_cgroups() {
        if (!knows_cgroups) features.cgroups = probe_cgroups();
        knows_cgroups = true;
    }

    Image image;
    Paths paths;
    KernelFeatures features;
    Fd held;
    std::optional<RequestMaker> requests;
    bool knows_cgroups = false;
    bool has_swept = false;
};

Runner::Runner(Image image) {
    if (::geteuid() != 0)
        throw Error(ErrorKind::not_permitted, "minirun run needs root, to make namespaces and mounts",
                    "run it with sudo; --dry-run and explain work without");
    open_missing_standard_streams();
    prepared_ = std::make_unique<Prepared>(std::move(image));
}

Runner::~Runner() = default;

const Image& Runner::image() const noexcept { return prepared_->image; }

RunResult Runner::run(const RunOptions& options) {
    // From here to the end, so that whatever a signal finds half made is unmade.
    const SignalsBlocked signals;
    auto& [image, paths, features, held, requests, knows_cgroups, has_swept] = *prepared_;
    auto request = requests->make(options);
    if (wants_cgroup(request)) prepared_->need_cgroups();
    if (!options.quiet)
        for (const auto& notices : {request.notices, cgroup_notices(request, features.cgroups)})
            for (const auto& notice : notices) ::dprintf(STDERR_FILENO, "minirun: %s\n", notice.c_str());

    const Findings findings(options, request);
    std::optional<Sweeper> sweeper;
    ContainerDirectory directory(paths, request.id, request.name);
    if (!image.id.empty()) note_image(request.container_dir, image.id);
    RecordOfRun record(paths, image, options, request);
    const auto joined = settle_network(paths, request);
    const auto plan = plan_from_request(request, features);
    OwnCgroup cgroup(cgroup_of(request, features.cgroups));
    NamedFile cidfile(options.cidfile), pidfile(options.pidfile);
    cidfile.write(request.id);
    ContainerStreams streams(request.streams, request.supervision.output_limit, record.listener());
    std::optional<StepClock> clock;
    if (options.timings) clock.emplace(plan.steps.size());
    auto launched = launch_or_explain(plan, request,
                                      {streams.for_launch(), signals.before(), -1, clock ? &*clock : nullptr, nullptr});
    if (request.accounting) cgroup.count_from_here();
    const auto started = std::chrono::system_clock::now();
    const auto clock_started = std::chrono::steady_clock::now();
    EndsProcess on_error(launched.pidfd);
    std::optional<Stragglers> stragglers;
    stragglers.emplace(std::move(launched.mount_namespace), request.spec);
    if (options.has_record()) directory.keep();
    pidfile.write(cat(launched.pid));
    cidfile.keep();
    pidfile.keep();
    streams.start(launched);
    if (!std::exchange(has_swept, true)) sweeper.emplace(paths);
    record.started(paths);
    const auto health = record.monitor_health(cgroup.place(), signals.before());
    const auto ending = supervise(launched, request, streams, cgroup.place(), {health.get(), record.log_service()});
    on_error.dismiss();
    const auto wall = std::chrono::steady_clock::now() - clock_started;
    auto result = result_of(request, ending, started);
    result.wall = wall;
    if (clock) result.timings = timings_of(plan, *clock);
    result.resources = cgroup.verdict();
    if (result.resources) result.resources->anonymous_peak = ending.anonymous_peak;
    if (request.streams.counted) result.output_bytes = streams.output().bytes;
    // Nothing of it runs any more.
    stragglers.reset();
    await_delivery(launched, ending);
    launched.pasta.end();
    launched.bridges.end();
    findings.collect(launched, result);
    record.ended(paths, result);
    return result;
}

RunResult run(const Image& image, const RunOptions& options) { return Runner(image).run(options); }

}  // namespace minirun
