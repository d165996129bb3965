#include "sandbox/test_worker.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "sandbox/judge.hpp"
#include "sandbox/run_report.hpp"
#include "sandbox/test_result.hpp"

namespace minirun {
namespace {

// A stream of a test. The container never gets it: what is no pipe is copied (StandardStreams).
class StreamInMemory {
public:
    explicit StreamInMemory(const char* name, std::string_view content = {})
        : file_(::memfd_create(name, MFD_CLOEXEC)) {
        if (!file_) throw system_error("cannot make a file in memory", errno);
        if (content.empty()) return;
        if (const auto written = kernel::write_all(file_.get(), content.data(), content.size()); !written)
            throw system_error("cannot write a file in memory", written.error());
        ::lseek(file_.get(), 0, SEEK_SET);
    }
    int fd() const { return file_.get(); }
    std::string text() const {
        struct stat info {};
        if (::fstat(file_.get(), &info) < 0) return "";
        std::string all(static_cast<std::size_t>(info.st_size), '\0');
        const auto n = ::pread(file_.get(), all.data(), all.size(), 0);
        all.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return all;
    }

private:
    Fd file_;
};

std::string last_of(const std::string& text) {
    return text.size() <= most_of_a_stream ? text : text.substr(text.size() - most_of_a_stream);
}

void judge(TestResult& result, const TestCase& test, const Outcome& outcome) {
    try {
        result.reason = what_is_wrong(test.expected, outcome);
    } catch (const Error& error) {
        result.reason = error.message();
    }
    result.state = result.reason.empty() ? TestResult::State::passed : TestResult::State::failed;
}

TestResult run_test(Runner& runner, const TestCase& test, RunOptions options) {
    TestResult result;
    const auto begin = std::chrono::system_clock::now();
    const StreamInMemory in("stdin", test.input.value_or("")), out("stdout"), err("stderr");
    options = options_of(test, std::move(options));
    options.streams = {in.fd(), out.fd(), err.fd()};
    Outcome outcome;
    try {
        const auto ended = runner.run(options);
        result.report = report_of_run(ended, runner.image().name, runner.image().id);
        result.seconds = std::chrono::duration<double>(ended.wall).count();
        if (!ended.signaled) outcome.exit_code = ended.code;
        if (ended.ended_by == EndedBy::interruption) result.state = TestResult::State::interrupted;
    } catch (const Error& error) {
        result.report = report_of_failure(error, begin, runner.image().name);
    }
    outcome.status = result.report.at("status").get<std::string>();
    outcome.reason = result.report.at("reason").get<std::string>();
    outcome.out = out.text();
    outcome.err = err.text();
    if (result.state == TestResult::State::interrupted)
        result.reason = "interrupted";
    else
        judge(result, test, outcome);
    result.out = last_of(outcome.out);
    result.err = last_of(outcome.err);
    return result;
}

}  // namespace

void serve_tests(int socket, Runner& runner, std::span<const TestCase> tests, const RunOptions& options) {
    std::uint32_t index = 0;
    while (::read(socket, &index, sizeof index) == static_cast<ssize_t>(sizeof index)) {
        auto result = run_test(runner, tests[index], options);
        result.index = index;
        const auto bytes = to_bytes(result);
        const auto size = static_cast<std::uint32_t>(bytes.size());
        if (!kernel::write_all(socket, &size, sizeof size) || !kernel::write_all(socket, bytes.data(), bytes.size()))
            break;
    }
}

}  // namespace minirun
