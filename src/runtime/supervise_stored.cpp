// The process that watches over a container in the background.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "kernel/features.hpp"
#include "kernel/system_error.hpp"
#include "launch/child_process.hpp"
#include "launch/delivery.hpp"
#include "launch/launcher.hpp"
#include "launch/left_behind.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/relay.hpp"
#include "launch/signals.hpp"
#include "launch/supervise.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "runtime/attach_server.hpp"
#include "runtime/container_log.hpp"
#include "runtime/container_network.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/events.hpp"
#include "runtime/health_monitor.hpp"
#include "runtime/observed_containers.hpp"
#include "runtime/own_cgroup.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string now() { return rfc3339(std::chrono::system_clock::now()); }

// Nobody is there to type, and nobody to see what it writes but the log. Standard input that somebody may want to write
// to some day does not end.
class StreamsOfBackground {
public:
    explicit StreamsOfBackground(Streams& streams) : null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
        int ends[2];
        if (!null_ || ::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make the streams", errno);
        input_.reset(ends[0]);
        kept_open_.reset(ends[1]);
        ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
        streams.descriptors = {input_.get(), null_.get(), null_.get()};
    }
    // The other end of its standard input.
    Fd take_input() { return std::move(kept_open_); }

private:
    Fd null_, input_, kept_open_;
};

int exit_code_of_run(const Ending& ending) { return ending.by != EndedBy::itself ? 124 : exit_code_of(ending.process); }

// On a full disk the exit code is told all the same (end_supervision).
void note(const StoredContainer& container, const ContainerProgress& progress) {
    try {
        container.write(progress);
    } catch (const Error&) {
        note_change(container.path());
    }
}

void tell_end(const Paths& paths, const StoredContainer& container, const ContainerProgress& progress) {
    if (progress.oom_killed) tell_event(paths, container.facts(), "oom");
    tell_event(paths, container.facts(), "die", {{"exitCode", cat(progress.exit_code)}});
}

bool is_to_run_again(StoredContainer& container, const ContainerProgress& progress) {
    container.reread();
    const auto& policy = container.facts().restart;
    using When = RestartPolicy::When;
    if (policy.when == When::never || container.is_stopped_by_hand()) return false;
    if (policy.when != When::on_failure) return true;
    return progress.exit_code != 0 && (policy.most == 0 || progress.restarts < policy.most);
}

// One run of a container, from its launch to its end.
class Run {
public:
    Run(const StoredContainer& container, ContainerLog* log, AttachServer& attached, const sigset_t& mask)
        : container_(container),
          request_(container.request()),
          background_(request_.streams),
          log_(log),
          attached_(attached),
          mask_(mask) {
        request_.streams.logged = true;
        takes_input_ = request_.streams.interactive;
        // Whoever is attached types into it, nobody else.
        if (request_.streams.tty) request_.streams.interactive = false;
    }

    // Until its program runs.
    void launch() {
        // Until its program runs its process is minirun's own, with the host's tree in reach: nobody gets in before.
        auto record = container_.record();
        record.lock();
        container_.clear_run();
        const auto joined = settle_network(default_paths(), request_);
        const auto features = features_for(request_);
        check_kernel(features);
        const auto plan = plan_from_request(request_, features);
        cgroup_.emplace(cgroup_of(request_, features.cgroups));
        streams_.emplace(request_.streams, request_.supervision.output_limit,
                         [this](int stream, std::string_view bytes) {
                             if (log_ != nullptr) log_->write(stream, bytes);
                             attached_.tell(stream, bytes);
                         });
        launched_ = launch_or_explain(plan, request_, {streams_->for_launch(), mask_});
        if (takes_input_ && launched_.terminal) attached_.set_terminal(launched_.terminal.get());
        if (takes_input_ && !launched_.terminal) attached_.set_input(background_.take_input());
    }

    Ending await_end() {
        EndsProcess on_error(launched_.pidfd);
        const Stragglers stragglers(std::move(launched_.mount_namespace), request_.spec);
        streams_->start(launched_);
        // What the launch took is of no use any more, and this process stays.
        request_.spec.linux_.seccomp.reset();
        ::malloc_trim(0);
        const auto health = HealthMonitor::of(container_, cgroup_->place(), mask_);
        const auto ending = supervise(launched_, request_, *streams_, cgroup_->place(),
                                      {&attached_, health.get(), log_ != nullptr ? log_->service() : nullptr});
        on_error.dismiss();
        if (log_ != nullptr) log_->finish();
        attached_.set_terminal(-1);
        return ending;
    }

    void await_delivery(const Ending& ending) const { minirun::await_delivery(launched_, ending); }

    bool was_out_of_memory() const {
        const auto verdict = cgroup_->verdict();
        return verdict && verdict->oom_kills > 0;
    }

private:
    const StoredContainer& container_;
    LaunchRequest request_;
    StreamsOfBackground background_;
    ContainerLog* log_;
    AttachServer& attached_;
    bool takes_input_ = false;
    sigset_t mask_;
    std::optional<OwnCgroup> cgroup_;
    std::optional<ContainerStreams> streams_;
    Launched launched_;
};

// From one run to the next: twice as long each time, and short again behind one that has lasted.
class BackOff {
public:
    // False if somebody has asked to end meanwhile. All signals are blocked; what was meant for the last run is passed
    // over.
    bool wait(Clock::duration lasted) {
        if (lasted >= long_run) delay_ = shortest;
        sigset_t ends;
        ::sigemptyset(&ends);
        for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&ends, signal);
        const timespec time{delay_.count() / 1000, delay_.count() % 1000 * 1'000'000};
        delay_ = std::min(2 * delay_, longest);
        return ::sigtimedwait(&ends, nullptr, &time) < 0;
    }

private:
    static constexpr milliseconds shortest{100}, longest{60000}, long_run{10000};
    milliseconds delay_ = shortest;
};

}  // namespace

int Containers::supervise(const std::string& word, int attached, const std::function<void()>& started) const {
    const SignalsBlocked signals;
    const auto paths = default_paths();
    auto container = StoredContainer::find(paths, word);
    (void)container.observe();  // what a supervisor that was killed has left is ended
    const auto supervision = container.become_supervisor();
    container.stop_by_hand(false);
    ContainerProgress progress;
    try {
        const auto log = ContainerLog::of(container);
        AttachServer clients(container.path(), Fd(attached));
        BackOff back_off;
        while (true) {
            const auto begin = Clock::now();
            progress.started = now();
            progress.finished.clear();
            container.write(progress);
            std::optional<Run> run(std::in_place, container, log.get(), clients, signals.before());
            run->launch();
            tell_event(paths, container.facts(), "start");
            if (progress.restarts == 0) started();
            const auto ending = run->await_end();
            progress.finished = now();
            progress.exit_code = exit_code_of_run(ending);
            progress.oom_killed = run->was_out_of_memory();
            run->await_delivery(ending);
            run.reset();
            note(container, progress);
            const bool again = is_to_run_again(container, progress);
            tell_end(paths, container, progress);
            // Whoever is told may go on and remove it.
            if (!again) container.end_supervision(supervision, progress.exit_code);
            clients.tell_end(progress.exit_code);
            if (!again || !back_off.wait(Clock::now() - begin) || container.is_stopped_by_hand()) break;
            progress.restarts++;
        }
    } catch (const Error& error) {
        progress.finished = now();
        progress.exit_code = exit_code(error.kind());
        progress.error = error.message();
        note(container, progress);
        container.end_supervision(supervision, progress.exit_code);
        throw;
    }
    container.clear_run();
    container.end_supervision(supervision, progress.exit_code);
    if (container.facts().remove) container.remove();
    return progress.exit_code;
}

}  // namespace minirun
