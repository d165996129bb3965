#include "sandbox/run_report.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <csignal>
#include <optional>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "";
}

double in_seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

std::uint64_t count(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

Report or_null(const std::optional<std::uint64_t>& number) { return number ? Report(*number) : Report(); }
Report seconds_or_null(const std::optional<std::uint64_t>& nanoseconds) {
    return nanoseconds ? Report(in_seconds(*nanoseconds)) : Report();
}

struct Status {
    std::string word, reason;
};

// What has ended it, the limits before what they lead to.
Status status_of(const RunResult& result) {
    const auto resources = result.resources.value_or(ResourceVerdict{});
    const bool ended_well = !result.signaled && result.code == 0;
    switch (result.ended_by) {
        case EndedBy::itself: break;
        case EndedBy::time_limit: return {"timeout", "the time limit ended it"};
        case EndedBy::cpu_limit: return {"cpu-timeout", "its limit of CPU time ended it"};
        case EndedBy::interruption: return {"signal", "minirun was interrupted, and killed it"};
        case EndedBy::output_limit: return {"output-limit", "it wrote more than its limit of output"};
    }
    if (resources.oom_kills > 0 && !ended_well)
        return {"oom", cat("the kernel killed ", resources.oom_kills,
                           resources.oom_kills == 1 ? " process" : " processes", ": ",
                           resources.own_memory_limit ? "its memory limit was reached"
                                                      : "the host, or a cgroup above, had no memory left")};
    if (result.signaled && result.code == SIGSYS)
        return {"denied", "it made a system call that its seccomp filter kills for"};
    if (resources.pids_refused.value_or(0) > 0 && !ended_well)
        return {"pids-limit", cat("its limit of processes was reached, ", *resources.pids_refused, " were refused")};
    if (result.signaled && result.code == SIGXFSZ)
        return {"signal", "SIGXFSZ ended it: it wrote a file that is larger than its limit of the size of files"};
    if (result.signaled) return {"signal", cat(signal_name(result.code), " ended it")};
    if (result.code != 0) return {"exit", cat("it ended with exit code ", result.code)};
    return {"ok", "it ended with exit code 0"};
}

std::string type_name(std::uint32_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG: return "file";
        case S_IFDIR: return "directory";
        case S_IFLNK: return "symlink";
        case S_IFIFO: return "fifo";
        case S_IFSOCK: return "socket";
        default: return "device";
    }
}

Report list_of(const std::vector<Change>& changes) {
    auto list = Report::array();
    for (const auto& one : changes)
        list.push_back({{"path", one.path}, {"type", type_name(one.mode)}, {"size", one.size}});
    return list;
}

// What was asked for beside how it ended.
void add_findings(Report& report, const RunResult& result) {
    if (result.denied_calls) report["deniedCalls"] = *result.denied_calls;
    if (result.changes)
        report["changes"] = {{"added", list_of(result.changes->added)},
                             {"modified", list_of(result.changes->modified)},
                             {"deleted", list_of(result.changes->deleted)},
                             {"omitted", result.changes->omitted}};
    for (const auto& one : result.artifacts)
        report["artifacts"].push_back({{"path", one.path},
                                       {"directory", one.directory},
                                       {"files", one.files},
                                       {"bytes", one.bytes},
                                       {"skipped", one.skipped},
                                       {"missing", one.missing},
                                       {"error", one.error ? Report(*one.error) : Report()}});
}

Report head_of(const Status& status, int exit_code) {
    return {{"version", 1}, {"status", status.word}, {"reason", status.reason}, {"exitCode", exit_code}};
}

}  // namespace

Report report_of_run(const RunResult& result, const std::string& image, const std::string& image_id) {
    auto report = head_of(status_of(result), result.exit_code());
    const auto resources = result.resources.value_or(ResourceVerdict{});
    report["program"] = {{"exitCode", result.signaled ? Report() : Report(result.code)},
                         {"signal", result.signaled ? Report(signal_name(result.code)) : Report()},
                         {"argv", result.args}};
    report["time"] = {
        {"started", rfc3339(result.started)},
        {"wallSeconds", in_seconds(count(result.wall))},
        {"cpuSeconds", in_seconds(resources.cpu_nanoseconds.value_or(count(result.user + result.system)))},
        {"userSeconds", in_seconds(resources.user_nanoseconds.value_or(count(result.user)))},
        {"systemSeconds", in_seconds(resources.system_nanoseconds.value_or(count(result.system)))},
        {"throttledSeconds", seconds_or_null(resources.throttled_nanoseconds)}};
    report["memory"] = {{"peakBytes", or_null(resources.memory_peak)},
                        {"anonymousBytes", or_null(resources.anonymous_peak)},
                        {"limitBytes", or_null(resources.memory_limit)},
                        {"oomKills", resources.oom_kills},
                        {"ownLimit", resources.own_memory_limit}};
    report["pids"] = {{"peak", or_null(resources.pids_peak)}, {"refused", or_null(resources.pids_refused)}};
    report["io"] = {{"readBytes", or_null(resources.read_bytes)}, {"writtenBytes", or_null(resources.written_bytes)}};
    report["output"] = {{"bytes", or_null(result.output_bytes)}};
    add_findings(report, result);
    report["container"] = {{"id", result.id}};
    report["image"] = {{"name", image}, {"id", image_id.empty() ? Report() : Report("sha256:" + image_id)}};
    report["kernel"] = kernel_release();
    return report;
}

Report report_of_failure(const Error& error, std::chrono::system_clock::time_point started, const std::string& image) {
    auto report = head_of({"setup-error", error.message()}, exit_code(error.kind()));
    if (!error.hint().empty()) report["hint"] = error.hint();
    report["time"] = {{"started", rfc3339(started)}};
    report["image"] = {{"name", image}, {"id", nullptr}};
    report["kernel"] = kernel_release();
    return report;
}

std::string report_text(const Report& report, int indent) {
    return report.dump(indent, ' ', false, Report::error_handler_t::replace) + "\n";
}

}  // namespace minirun
