#include "launch/supervise.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>

#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "launch/cgroup_watch.hpp"
#include "launch/mini_init.hpp"
#include "launch/signals.hpp"
#include "plan/builder.hpp"

namespace minirun {
namespace {

using Clock = std::chrono::steady_clock;

class Supervisor {
public:
    Supervisor(const Launched& launched, const LaunchRequest& request, ContainerStreams& streams,
               const CgroupPlace* cgroup, std::initializer_list<SupervisedService*> services)
        : launched_(launched),
          request_(request),
          streams_(streams),
          signals_(open_signal_queue()),
          denials_(launched.denials.get()),
          pid_is_namespace_init_(has_new_namespace(request.spec, NamespaceType::pid) && !request.supervision.init),
          watch_(cgroup, request) {
        for (auto* service : services)
            if (service != nullptr) services_.push_back(service);
        ends_.resize(services_.size());
        if (request.supervision.timeout) deadline_ = Clock::now() + *request.supervision.timeout;
    }

    Ending run() {
        std::vector<pollfd> watched;
        while (true) {
            watched = {{launched_.pidfd.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
            for (const auto& relay : streams_.relays()) relay.watch(watched);
            const auto beside = watched.size();
            for (std::size_t i = 0; i < services_.size(); i++) {
                services_[i]->watch(watched);
                ends_[i] = watched.size();
            }
            if (denials_ != nullptr) watched.push_back({denials_->fd(), POLLIN, 0});
            ::poll(watched.data(), watched.size(), milliseconds_left());
            if (denials_ != nullptr && watched.back().revents != 0) denials_->serve();
            if (deadline_ && Clock::now() >= *deadline_) stop_harder();
            if (watched[1].revents != 0) forward_signals();
            for (std::size_t i = 0; i < streams_.relays().size(); i++)
                streams_.relays()[i].serve(watched[2 + 2 * i], watched[3 + 2 * i]);
            for (std::size_t i = 0, begin = beside; i < services_.size(); begin = ends_[i++])
                services_[i]->serve(std::span(watched).subspan(begin, ends_[i] - begin));
            if (watched[0].revents != 0) return reap();
            check_limits();
        }
    }

private:
    // Rounded up, so that the loop does not spin through the last millisecond.
    int milliseconds_left() const {
        auto end = watch_.next();
        if (deadline_ && (!end || *deadline_ < *end)) end = deadline_;
        if (!end) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end - Clock::now()).count();
        constexpr long long longest = 1 << 30;
        return left < 0 ? 0 : static_cast<int>(left > longest ? longest : left);
    }

    // What is over is over: nothing is gained by asking first.
    void check_limits() {
        if (streams_.output().exceeded) kill(EndedBy::output_limit);
        watch_.look();
        if (watch_.cpu_time_is_over()) kill(EndedBy::cpu_limit);
    }

    void kill(EndedBy cause) {
        if (by_ == EndedBy::itself) by_ = cause;
        (void)kernel::send_signal(launched_.pidfd.get(), SIGKILL);
    }

    // First the stop signal, then, after stop_timeout, SIGKILL.
    void stop_harder() {
        if (by_ == EndedBy::itself) by_ = EndedBy::time_limit;
        if (stopping_) {
            (void)kernel::send_signal(launched_.pidfd.get(), SIGKILL);
            deadline_.reset();
            return;
        }
        stopping_ = true;
        forward(request_.supervision.stop_signal);
        deadline_ = Clock::now() + request_.supervision.stop_timeout;
    }

    void forward(int signal) {
        if (forward_signal(launched_.pidfd.get(), launched_.pid, signal, pid_is_namespace_init_)) stands_for_ = signal;
    }

    // What the container wrote before it ended. Who does not read it is waited for, but not past the time limit, nor
    // past a signal to minirun. Nor longer than for what was there by then: something that lives on (--pid host, or who
    // was sent the descriptor) could write for ever. What the user has typed and the container has not read stays the
    // shell's.
    void drain(Relay& relay) {
        const auto end = relay.bytes_read() + relay.most_that_waits();
        while (!relay.is_input() && relay.bytes_read() <= end && relay.has_more()) {
            pollfd watched[2] = {{relay.sink(), POLLOUT, 0}, {signals_.get(), POLLIN, 0}};
            if (::poll(watched, 2, by_ != EndedBy::itself ? 0 : milliseconds_left()) == 0) return;
            if (watched[1].revents != 0 && next_signal() != 0) return;
            if (watched[0].revents != 0) relay.write_some();
        }
    }

    // One that is meant for the container; 0 if there is none.
    int next_signal() {
        signalfd_siginfo info{};
        while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const auto signal = static_cast<int>(info.ssi_signo);
            // SIGPIPE and SIGCHLD are about minirun's own affairs.
            if (signal == SIGCHLD || signal == SIGPIPE) continue;
            if (signal != SIGWINCH || !launched_.terminal) return signal;
            streams_.resize(launched_.terminal.get());
        }
        return 0;
    }

    void forward_signals() {
        while (const int signal = next_signal()) {
            const bool ends = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
            if (ends && request_.supervision.interruptible)
                kill(EndedBy::interruption);
            else
                forward(signal);
        }
    }

    // Which signal has ended the program, told by the reaper, which is a zombie now.
    std::optional<int> told_by_init() const {
        if (!request_.supervision.init) return std::nullopt;
        const std::string_view beginning = name_of_the_killed;
        auto name = read_kernel_file(cat("/proc/", launched_.pid, "/comm"));
        if (!name.starts_with(beginning)) return std::nullopt;
        name.resize(name.find_last_not_of('\n') + 1);
        return parse_number<int>(std::string_view(name).substr(beginning.size()));
    }

    Ending reap() {
        const auto signal = told_by_init();
        const auto end = kernel::wait_pidfd(launched_.pidfd.get());
        if (!end) throw system_error("cannot wait for the container", end.error());
        for (auto& relay : streams_.relays()) drain(relay);
        // With what was still on its way.
        if (streams_.output().exceeded && by_ == EndedBy::itself) by_ = EndedBy::output_limit;
        Ending ending{end.value(), by_, watch_.anonymous_peak()};
        if (signal) {
            ending.process.signaled = true;
            ending.process.code = *signal;
        }
        // The SIGKILL that stood for another signal is told as that one.
        if (stands_for_ != 0 && ending.process.signaled && ending.process.code == SIGKILL)
            ending.process.code = stands_for_;
        return ending;
    }

    const Launched& launched_;
    const LaunchRequest& request_;
    ContainerStreams& streams_;
    Fd signals_;
    DenialCounter* denials_;
    std::vector<SupervisedService*> services_;
    std::vector<std::size_t> ends_;  // in what is watched, of the part of each
    bool pid_is_namespace_init_;
    CgroupWatch watch_;
    std::optional<Clock::time_point> deadline_;
    bool stopping_ = false;
    EndedBy by_ = EndedBy::itself;
    int stands_for_ = 0;
};

}  // namespace

Ending supervise(const Launched& launched, const LaunchRequest& request, ContainerStreams& streams,
                 const CgroupPlace* cgroup, std::initializer_list<SupervisedService*> services) {
    return Supervisor(launched, request, streams, cgroup, services).run();
}

}  // namespace minirun
