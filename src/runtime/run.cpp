// minirun run, from the image to the exit code.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <utility>

#include "base/fd.hpp"
#include "base/standard_streams.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "cgroup/control.hpp"
#include "cgroup/usage.hpp"
#include "image/remove_image.hpp"
#include "kernel/features.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "launch/child_process.hpp"
#include "launch/exec_diagnosis.hpp"
#include "launch/launcher.hpp"
#include "launch/left_behind.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/signals.hpp"
#include "launch/supervise.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "plan/describe.hpp"
#include "plan/hints.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/findings.hpp"
#include "runtime/make_request.hpp"

namespace minirun {
namespace {

void check_kernel(const KernelFeatures& features) {
    if (!features.missing.empty())
        throw Error(
            ErrorKind::unsupported,
            cat("this kernel (", features.release, ") lacks ", join(features.missing, ", "), ", which minirun needs"),
            "Linux 5.12 or newer has them; inside another container its seccomp profile may forbid them");
    if (!features.overlay)
        throw Error(ErrorKind::unsupported, "this kernel has no overlay file system", "modprobe overlay");
}

// A file that the user names and that must not be there yet: made before the container is, so that it does not run when
// it cannot be made.
class NamedFile {
public:
    explicit NamedFile(const std::string& path) : path_(path) {
        if (path.empty()) return;
        file_.reset(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
        if (!file_)
            throw system_error(cat("cannot make the file ", quote(path)), errno,
                               errno == EEXIST ? "remove it, or choose another name" : "");
    }
    void write(std::string_view text) {
        if (!file_) return;
        if (const auto written = kernel::write_all(file_.get(), text.data(), text.size()); !written)
            throw system_error(cat("cannot write the file ", quote(path_)), written.error());
    }
    NamedFile(const NamedFile&) = delete;
    NamedFile& operator=(const NamedFile&) = delete;
    ~NamedFile() {
        if (!kept_ && !path_.empty()) ::unlink(path_.c_str());
    }
    void keep() { kept_ = true; }

private:
    std::string path_;
    Fd file_;
    bool kept_ = false;
};

// The container's cgroup, if it gets one: whatever of it has been made goes with the scope.
class OwnCgroup {
public:
    explicit OwnCgroup(std::optional<CgroupPlace> place) : place_(std::move(place)) {
        if (place_) refuse_occupied(*place_);
    }
    ~OwnCgroup() {
        if (place_) remove_cgroup(*place_);
    }
    OwnCgroup(const OwnCgroup&) = delete;
    OwnCgroup& operator=(const OwnCgroup&) = delete;
    const CgroupPlace* place() const { return place_ ? &*place_ : nullptr; }
    /// What was used by now was used to make the container.
    void count_from_here() {
        if (place_) at_start_ = cgroup_verdict(*place_);
    }
    std::optional<ResourceVerdict> verdict() const {
        if (!place_) return std::nullopt;
        auto verdict = cgroup_verdict(*place_);
        leave_out_cpu_time(verdict, at_start_);
        return verdict;
    }

private:
    std::optional<CgroupPlace> place_;
    ResourceVerdict at_start_;
};

Launched launch_or_explain(const Plan& plan, const LaunchRequest& request, const StandardStreams& streams,
                           const sigset_t& mask, StepClock* clock) {
    try {
        return launch(plan, {streams, mask, -1, clock});
    } catch (const LaunchFailure& failed) {
        const auto& step = plan.steps[static_cast<std::size_t>(failed.report.step)].operation;
        if (std::holds_alternative<op::Exec>(step)) throw exec_error(request, failed.report);
        throw step_error(plan, failed.report);
    }
}

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

}  // namespace

std::string plan_of_run(const Image& image, const RunOptions& options, bool as_json) {
    const auto request = make_request(image, options, default_paths());
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
    auto& [image, paths, features, held, knows_cgroups, has_swept] = *prepared_;
    const auto request = make_request(image, options, paths);
    if (wants_cgroup(request)) prepared_->need_cgroups();
    const auto plan = plan_from_request(request, features);
    if (!options.quiet)
        for (const auto& notices : {request.notices, cgroup_notices(request, features.cgroups)})
            for (const auto& notice : notices) ::dprintf(STDERR_FILENO, "minirun: %s\n", notice.c_str());

    const Findings findings(options, request);
    std::optional<Sweeper> sweeper;
    const ContainerDirectory directory(paths, request.id, request.name);
    OwnCgroup cgroup(cgroup_of(request, features.cgroups));
    if (!image.id.empty()) note_image(request.container_dir, image.id);
    NamedFile cidfile(options.cidfile), pidfile(options.pidfile);
    cidfile.write(request.id);
    ContainerStreams streams(request.streams, request.supervision.output_limit);
    std::optional<StepClock> clock;
    if (options.timings) clock.emplace(plan.steps.size());
    auto launched = launch_or_explain(plan, request, streams.for_launch(), signals.before(), clock ? &*clock : nullptr);
    if (request.accounting) cgroup.count_from_here();
    const auto started = std::chrono::system_clock::now();
    const auto clock_started = std::chrono::steady_clock::now();
    EndsProcess on_error(launched.pidfd);
    std::optional<Stragglers> stragglers;
    stragglers.emplace(std::move(launched.mount_namespace), request.spec);
    pidfile.write(cat(launched.pid));
    cidfile.keep();
    pidfile.keep();
    streams.start(launched);
    if (!std::exchange(has_swept, true)) sweeper.emplace(paths);
    const auto ending = supervise(launched, request, streams, cgroup.place());
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
    launched.pasta.end();
    findings.collect(launched, result);
    return result;
}

RunResult run(const Image& image, const RunOptions& options) { return Runner(image).run(options); }

}  // namespace minirun
