#include "cli/minirun/report.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/names.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "";
}

double in_seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

Ordered or_null(const std::optional<std::uint64_t>& number) { return number ? Ordered(*number) : Ordered(); }
Ordered seconds_or_null(const std::optional<std::uint64_t>& nanoseconds) {
    return nanoseconds ? Ordered(in_seconds(*nanoseconds)) : Ordered();
}

struct Status {
    std::string word, reason;
};

// What has ended it, the limits before what they lead to.
Status status_of(const RunResult& result) {
    const auto resources = result.resources.value_or(ResourceVerdict{});
    const bool ended_well = !result.signaled && result.code == 0;
    if (result.timed_out) return {"timeout", "the time limit ended it"};
    if (resources.oom_kills > 0 && !ended_well)
        return {"oom", cat("the kernel killed ", resources.oom_kills,
                           resources.oom_kills == 1 ? " process" : " processes", ": ",
                           resources.own_memory_limit ? "its memory limit was reached"
                                                      : "the host, or a cgroup above, had no memory left")};
    if (result.signaled && result.code == SIGSYS)
        return {"denied", "it made a system call that its seccomp filter kills for"};
    if (resources.pids_refused.value_or(0) > 0 && !ended_well)
        return {"pids-limit", cat("its limit of processes was reached, ", *resources.pids_refused, " were refused")};
    if (result.signaled) return {"signal", cat(signal_name(result.code), " ended it")};
    if (result.code != 0) return {"exit", cat("it ended with exit code ", result.code)};
    return {"ok", "it ended with exit code 0"};
}

Ordered head_of(const Status& status, int exit_code) {
    return {{"version", 1}, {"status", status.word}, {"reason", status.reason}, {"exitCode", exit_code}};
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

Ordered list_of(const std::vector<Change>& changes) {
    auto list = Ordered::array();
    for (const auto& one : changes)
        list.push_back({{"path", one.path}, {"type", type_name(one.mode)}, {"size", one.size}});
    return list;
}

// What was asked for beside how it ended.
void add_findings(Ordered& report, const RunResult& result) {
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
                                       {"error", one.error ? Ordered(*one.error) : Ordered()}});
}

std::string text_of(const Ordered& report) {
    return report.dump(2, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

}  // namespace

ReportTarget::ReportTarget(const std::string& where) {
    if (where.empty()) return;
    constexpr std::string_view prefix = "fd:";
    if (where == "-") {
        descriptor_ = STDOUT_FILENO;
    } else if (where.starts_with(prefix)) {
        const auto number = parse_number<int>(std::string_view(where).substr(prefix.size()));
        const int flags = number ? ::fcntl(*number, F_GETFL) : -1;
        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
            throw Error(ErrorKind::usage, cat("--report ", quote(where), ": this descriptor is not open for writing"),
                        "the shell opens one: 3>report.json");
        descriptor_ = *number;
    } else {
        file_ = where;
        const auto slash = where.rfind('/');
        const auto directory = slash == std::string::npos ? "." : where.substr(0, slash + 1);
        if (::access(directory.c_str(), W_OK) < 0)
            throw system_error(cat("--report ", quote(where), ": cannot write to the directory"), errno);
        if (is_directory(where)) throw Error(ErrorKind::usage, cat("--report ", quote(where), " is a directory"));
    }
}

void ReportTarget::write(const std::string& text) const {
    if (!file_.empty()) return replace_file(file_, text, 0644);
    if (descriptor_ < 0) return;
    if (const auto written = kernel::write_all(descriptor_, text.data(), text.size()); !written)
        throw system_error("cannot write the report", written.error());
}

std::string report_of_run(const RunResult& result, const std::string& image, const std::string& image_id) {
    auto report = head_of(status_of(result), result.exit_code());
    const auto resources = result.resources.value_or(ResourceVerdict{});
    report["program"] = {{"exitCode", result.signaled ? Ordered() : Ordered(result.code)},
                         {"signal", result.signaled ? Ordered(signal_name(result.code)) : Ordered()},
                         {"argv", result.args}};
    report["time"] = {{"started", rfc3339(result.started)},
                      {"wallSeconds", in_seconds(static_cast<std::uint64_t>(result.wall.count()))},
                      {"cpuSeconds", seconds_or_null(resources.cpu_nanoseconds)},
                      {"userSeconds", seconds_or_null(resources.user_nanoseconds)},
                      {"systemSeconds", seconds_or_null(resources.system_nanoseconds)},
                      {"throttledSeconds", seconds_or_null(resources.throttled_nanoseconds)}};
    report["memory"] = {{"peakBytes", or_null(resources.memory_peak)},
                        {"limitBytes", or_null(resources.memory_limit)},
                        {"oomKills", resources.oom_kills},
                        {"ownLimit", resources.own_memory_limit}};
    report["pids"] = {{"peak", or_null(resources.pids_peak)}, {"refused", or_null(resources.pids_refused)}};
    add_findings(report, result);
    report["container"] = {{"id", result.id}};
    report["image"] = {{"name", image}, {"id", image_id.empty() ? Ordered() : Ordered("sha256:" + image_id)}};
    report["kernel"] = kernel_release();
    return text_of(report);
}

std::string report_of_failure(const Error& error, std::chrono::system_clock::time_point started,
                              const std::string& image) {
    auto report = head_of({"setup-error", error.message()}, exit_code(error.kind()));
    if (!error.hint().empty()) report["hint"] = error.hint();
    report["time"] = {{"started", rfc3339(started)}};
    report["image"] = {{"name", image}, {"id", nullptr}};
    report["kernel"] = kernel_release();
    return text_of(report);
}

}  // namespace minirun
