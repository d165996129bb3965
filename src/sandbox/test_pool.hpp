// Runs a list of tests in several processes.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "base/fd.hpp"
#include "sandbox/test_result.hpp"
#include "sandbox/test_worker.hpp"

namespace minirun {

struct PoolSetting {
    RunOptions options;              ///< what all tests have in common
    std::vector<std::string> cores;  ///< the CPUs of each worker ("0-1"); empty: they share all
    unsigned workers = 1;
    unsigned retries = 0;  ///< how often a test that has failed is tried again
    bool fail_fast = false;
    bool keep_output = false;  ///< of tests that have passed, too
    /// Called with each result as it comes, and about ten times a second in between with none; and with how many tests
    /// are running.
    std::function<void(const TestResult*, std::size_t)> progress;
};

/// Each worker is a process of its own, forked from this one, with a copy of the runner: one that dies takes one test
/// with it. A launch of a worker's then shares its memory with nothing else (ChildProcess).
class TestPool {
public:
    TestPool(Runner& runner, const std::vector<TestCase>& tests, PoolSetting setting);
    ~TestPool();
    TestPool(const TestPool&) = delete;
    TestPool& operator=(const TestPool&) = delete;

    /// Runs the tests, in the order of the list; returns their results in that order. SIGINT, SIGTERM and SIGHUP end
    /// the containers that run then, and leave out the others; a second one ends the workers, too. Needs a process
    /// without other threads, since it forks.
    std::vector<TestResult> run();

    /// The signal that has ended the run before its time; 0 if there was none.
    int interrupted_by() const { return interrupted_by_; }

private:
    struct Worker {
        Fd process;  ///< a pidfd
        Fd socket;
        std::size_t number = 0;  ///< from 0: which of the cores are its own
        bool busy = false;
        std::size_t test = 0;
        std::vector<std::uint8_t> received;
    };

    std::size_t running() const;
    void tell(const TestResult* result) const;
    void start(Worker& worker);
    void give_work(Worker& worker);
    void receive(Worker& worker);
    void take(TestResult result);
    void lost(Worker& worker);
    void take_signals(int queue);
    void stop(int signal);

    Runner& runner_;
    const std::vector<TestCase>& tests_;
    PoolSetting setting_;
    std::vector<Worker> workers_;
    std::deque<std::size_t> waiting_;
    std::vector<TestResult> results_;
    bool stopping_ = false;
    int interrupted_by_ = 0;
};

}  // namespace minirun
