#include "sandbox/test_pool.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <numeric>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/names.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr int milliseconds_between_looks = 100;

constexpr int asks_to_end[] = {SIGINT, SIGTERM, SIGHUP};

sigset_t ending_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : asks_to_end) ::sigaddset(&set, signal);
    return set;
}

// The signals that ask to end are read from a descriptor for as long as this lives.
class EndingSignals {
public:
    EndingSignals() {
        const auto set = ending_signals();
        ::sigprocmask(SIG_BLOCK, &set, &before_);
        queue_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!queue_) throw system_error("cannot make a queue of signals", errno);
    }
    ~EndingSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    EndingSignals(const EndingSignals&) = delete;
    EndingSignals& operator=(const EndingSignals&) = delete;
    int queue() const { return queue_.get(); }

private:
    sigset_t before_{};
    Fd queue_;
};

// The worker's half of a fork: what it has of the other one's is given back.
void become_worker(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    // Whoever types Ctrl-C means the one who collects; that one ends the others.
    ::setsid();
    const auto set = ending_signals();
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

// All that is told of many thousand tests at the end does not have to be in memory until then.
void forget(TestResult& told, bool keep_output) {
    if (!told.report.is_null()) told.report = Report{{"status", told.report.at("status")}};
    if (!told.passed() || keep_output) return;
    told.out.clear();
    told.err.clear();
    told.out.shrink_to_fit();
    told.err.shrink_to_fit();
}

RunOptions with_cores(RunOptions options, const std::vector<std::string>& cores, std::size_t number) {
    if (!cores.empty()) options.resources.cpu.cpus = cores[number];
    return options;
}

}  // namespace

TestPool::TestPool(Runner& runner, const std::vector<TestCase>& tests, PoolSetting setting)
    : runner_(runner), tests_(tests), setting_(std::move(setting)) {}

TestPool::~TestPool() {
    for (auto& worker : workers_) {
        if (!worker.process) continue;
        // Without work it ends by itself; with some it was not to be stopped otherwise.
        worker.socket.reset();
        if (worker.busy) (void)kernel::send_signal(worker.process.get(), SIGKILL);
        (void)kernel::wait_pidfd(worker.process.get());
    }
}

std::size_t TestPool::running() const {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const Worker& one) { return one.busy; }));
}

void TestPool::tell(const TestResult* result) const {
    if (setting_.progress) setting_.progress(result, running());
}

std::vector<TestResult> TestPool::run() {
    const EndingSignals signals;
    results_.resize(tests_.size());
    for (std::size_t i = 0; i < results_.size(); i++) results_[i].index = i;
    waiting_.resize(tests_.size());
    std::iota(waiting_.begin(), waiting_.end(), std::size_t{0});
    workers_.resize(std::min<std::size_t>(setting_.workers, tests_.size()));
    for (std::size_t i = 0; i < workers_.size(); i++) workers_[i].number = i;
    for (auto& worker : workers_) start(worker);
    for (auto& worker : workers_) give_work(worker);
    std::vector<pollfd> watched;
    while (running() > 0) {
        watched = {{signals.queue(), POLLIN, 0}};
        for (const auto& worker : workers_) watched.push_back({worker.busy ? worker.socket.get() : -1, POLLIN, 0});
        if (::poll(watched.data(), watched.size(), milliseconds_between_looks) == 0) tell(nullptr);
        if (watched[0].revents != 0) take_signals(signals.queue());
        for (std::size_t i = 0; i < workers_.size(); i++)
            if (watched[i + 1].revents != 0) receive(workers_[i]);
    }
    return std::move(results_);
}

void TestPool::start(Worker& worker) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        throw system_error("cannot make a socket pair", errno);
    Fd here(ends[0]), there(ends[1]);
    const auto parent = ::getpid();
    const auto started = kernel::clone_process(0);
    if (!started) throw system_error("cannot start a process that runs tests", started.error());
    if (started.value().pid > 0) {
        worker.process.reset(started.value().pidfd);
        worker.socket = std::move(here);
        worker.received.clear();
        return;
    }
    int code = 0;
    try {
        become_worker(parent);
        here.reset();
        for (auto& other : workers_) {
            other.socket.reset();
            other.process.reset();
        }
        serve_tests(there.get(), runner_, tests_, with_cores(setting_.options, setting_.cores, worker.number));
    } catch (const std::exception& error) {
        ::dprintf(STDERR_FILENO, "minirun: a process that runs tests ended: %s\n", error.what());
        code = 1;
    }
    // Nothing of the other one's objects is this one's to end.
    ::_exit(code);
}

void TestPool::give_work(Worker& worker) {
    if (stopping_ || waiting_.empty()) return;
    worker.test = waiting_.front();
    waiting_.pop_front();
    worker.busy = true;
    const auto index = static_cast<std::uint32_t>(worker.test);
    if (!kernel::send_message(worker.socket.get(), &index, sizeof index)) lost(worker);
}

void TestPool::receive(Worker& worker) {
    std::uint8_t block[65536];
    const auto n = ::read(worker.socket.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) return lost(worker);
    worker.received.insert(worker.received.end(), block, block + n);
    std::uint32_t size = 0;
    if (worker.received.size() < sizeof size) return;
    std::memcpy(&size, worker.received.data(), sizeof size);
    if (worker.received.size() < sizeof size + size) return;
    worker.busy = false;
    take(test_result_from({worker.received.begin() + sizeof size, worker.received.end()}));
    worker.received.clear();
    give_work(worker);
}

void TestPool::take(TestResult result) {
    auto& known = results_[result.index];
    result.tries = known.tries + 1;
    // What a flaky test did wrong at first is what people want to know.
    if (result.passed() && result.tries > 1) result.reason = known.reason;
    known = std::move(result);
    const bool failed = known.state == TestResult::State::failed;
    if (failed && known.tries <= setting_.retries && !stopping_) return waiting_.push_front(known.index);
    tell(&known);
    forget(known, setting_.keep_output);
    if (failed && setting_.fail_fast) stop(0);
}

// The process that ran the test is gone: killed by somebody, or by the kernel for memory.
void TestPool::lost(Worker& worker) {
    const auto end = kernel::wait_pidfd(worker.process.get());
    TestResult result;
    result.index = worker.test;
    result.state = stopping_ ? TestResult::State::interrupted : TestResult::State::failed;
    result.reason = stopping_ ? std::string("interrupted")
                              : cat("setup-error: the process of minirun that ran it ended",
                                    end && end.value().signaled ? cat(" by ", signal_name(end.value().code)) : "");
    worker.busy = false;
    worker.process.reset();
    take(std::move(result));
    if (stopping_) return;
    start(worker);
    give_work(worker);
}

void TestPool::take_signals(int queue) {
    signalfd_siginfo info{};
    while (::read(queue, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const bool again = interrupted_by_ != 0;
        stop(static_cast<int>(info.ssi_signo));
        if (!again) continue;
        for (const auto& worker : workers_)
            if (worker.busy) (void)kernel::send_signal(worker.process.get(), SIGKILL);
    }
}

// `signal`: what asks for it; 0: the first failure.
void TestPool::stop(int signal) {
    if (signal != 0) interrupted_by_ = signal;
    if (!std::exchange(stopping_, true))
        for (const auto& worker : workers_)
            if (worker.busy) (void)kernel::send_signal(worker.process.get(), SIGTERM);
}

}  // namespace minirun
