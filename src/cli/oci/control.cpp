// pause, resume, ps, update, events: a container that runs.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "cli/render.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr OptionWords no_options[] = {{0, "help", "", "print this text"}};
constexpr OptionWords ps_options[] = {{'f', "format", "FORMAT", "table or json"}, {0, "help", "", "print this text"}};
constexpr OptionWords events_options[] = {{0, "stats", "", "once, and no more"},
                                          {0, "interval", "TIME", "between two (default: 5s)"},
                                          {0, "help", "", "print this text"}};

// Which key of the resources an option sets; "#" is a number, "b" one of bytes.
struct UpdateRow {
    OptionWords words;
    const char* section;
    const char* key;
    char kind;
};
constexpr UpdateRow update_rows[] = {
    {{0, "memory", "BYTES", "limit of memory"}, "memory", "limit", 'b'},
    {{0, "memory-reservation", "BYTES", "what it is to have when memory gets short"}, "memory", "reservation", 'b'},
    {{0, "memory-swap", "BYTES", "limit of memory and swap together; -1: none"}, "memory", "swap", 'b'},
    {{0, "kernel-memory", "BYTES", "taken for runc's sake"}, nullptr, "", 'b'},
    {{0, "kernel-memory-tcp", "BYTES", "limit of memory for TCP"}, "memory", "kernelTCP", 'b'},
    {{0, "cpu-period", "MICROSECONDS", "what the quota is of"}, "cpu", "period", '#'},
    {{0, "cpu-quota", "MICROSECONDS", "CPU time in a period; -1: no limit"}, "cpu", "quota", '#'},
    {{0, "cpu-burst", "MICROSECONDS", "what may be saved up of the quota"}, "cpu", "burst", '#'},
    {{0, "cpu-share", "NUMBER", "weight beside others"}, "cpu", "shares", '#'},
    {{0, "cpu-shares", "NUMBER", ""}, "cpu", "shares", '#'},
    {{0, "cpu-rt-period", "MICROSECONDS", "of real-time processes"}, "cpu", "realtimePeriod", '#'},
    {{0, "cpu-rt-runtime", "MICROSECONDS", "of real-time processes"}, "cpu", "realtimeRuntime", '#'},
    {{0, "cpu-idle", "0|1", "only when nothing else wants to run"}, "cpu", "idle", '#'},
    {{0, "cpuset-cpus", "LIST", "CPUs to use: 0-3,7"}, "cpu", "cpus", 's'},
    {{0, "cpuset-mems", "LIST", "memory nodes to use"}, "cpu", "mems", 's'},
    {{0, "blkio-weight", "NUMBER", "of block I/O, from 10 to 1000"}, "blockIO", "weight", '#'},
    {{0, "pids-limit", "NUMBER", "of processes; -1: no limit"}, "pids", "limit", '#'},
};

std::vector<OptionWords> update_options() {
    std::vector<OptionWords> options{{'r', "resources", "FILE", "a document of resources; -: standard input"}};
    for (const auto& row : update_rows) options.push_back(row.words);
    options.push_back({0, "l3-cache-schema", "TEXT", ""});
    options.push_back({0, "mem-bw-schema", "TEXT", ""});
    options.push_back({0, "help", "", "print this text"});
    return options;
}

Ordered value_of(const UpdateRow& row, const std::string& text) {
    if (row.kind == 's') return text;
    if (const auto number = parse_number<std::int64_t>(text)) return *number;
    if (row.kind == 'b')
        if (const auto size = parse_size(text)) return *size;
    throw Error(ErrorKind::usage, cat("--", row.words.name, " takes a number, not ", quote(text)));
}

std::string resources_of(const OciLine& line) {
    Ordered json = Ordered::object();
    for (const auto& row : update_rows)
        if (const auto text = line.value(row.words.name); !text.empty() && row.section != nullptr)
            json[row.section][row.key] = value_of(row, text);
    if (!line.value("l3-cache-schema").empty() || !line.value("mem-bw-schema").empty())
        throw Error(ErrorKind::unsupported, "Intel RDT is not supported");
    if (json.empty())
        throw Error(ErrorKind::usage, "nothing to update is named", "minirun-oci update --help lists what there is");
    return json.dump();
}

std::string read_standard_input() {
    constexpr std::size_t most = 1 << 20;
    return read_fd(STDIN_FILENO, "standard input", most);
}

// What ps(1) prints with these options, which an engine passes on from its user.
std::string output_of_ps(std::vector<std::string> options) {
    if (options.empty()) options = {"-ef"};
    options.insert(options.begin(), "ps");
    std::vector<char*> argv;
    for (auto& option : options) argv.push_back(option.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make a pipe", errno);
    const Fd output(ends[0]);
    Fd input(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, "ps", &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw system_error("cannot run ps", error, "--format json needs no ps");
    input.reset();
    constexpr std::size_t most = 16 << 20;
    auto text = read_fd(output.get(), "the output of ps", most);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) throw Error(ErrorKind::usage, "ps does not take these options");
    return text;
}

// The lines of these processes.
void print_processes(const std::vector<pid_t>& pids, const std::vector<std::string>& words) {
    const auto text = output_of_ps(words);
    const auto lines = split(text, '\n');
    std::size_t column = std::string::npos;
    const auto fields = [](std::string_view line) {
        auto parts = split(line, ' ');
        std::erase(parts, "");
        return parts;
    };
    const auto heading = fields(lines[0]);
    for (std::size_t i = 0; i < heading.size(); i++)
        if (heading[i] == "PID") column = i;
    if (column == std::string::npos)
        throw Error(ErrorKind::usage, "ps prints no column PID with these options", "leave them out, or add -o pid,…");
    print_output(lines[0] + "\n");
    for (std::size_t i = 1; i < lines.size(); i++) {
        const auto row = fields(lines[i]);
        const auto pid = row.size() > column ? parse_number<pid_t>(row[column]) : std::nullopt;
        if (pid && std::find(pids.begin(), pids.end(), *pid) != pids.end()) print_output(lines[i] + "\n");
    }
}

}  // namespace

int oci_pause(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(no_options, "pause ID", argc, argv);
    if (!line.done) Lifecycle(setting.root).pause(line.id());
    return 0;
}

int oci_resume(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(no_options, "resume ID", argc, argv);
    if (!line.done) Lifecycle(setting.root).resume(line.id());
    return 0;
}

int oci_ps(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(ps_options, "ps [OPTIONS] ID [PS-OPTION…]", argc, argv, true);
    if (line.done) return 0;
    const auto format = line.value("format");
    if (!format.empty() && format != "table" && format != "json")
        throw Error(ErrorKind::usage, cat("there is no format ", quote(format)), "table or json");
    const auto pids = Lifecycle(setting.root).processes(line.id());
    if (format == "json")
        print_output(Ordered(pids).dump() + "\n");
    else
        print_processes(pids, {line.line.arguments.begin() + 1, line.line.arguments.end()});
    return 0;
}

int oci_update(const OciSetting& setting, int argc, char** argv) {
    const auto options = update_options();
    const auto line = read_oci_line(options, "update [OPTIONS] ID", argc, argv);
    if (line.done) return 0;
    const auto file = line.value("resources");
    constexpr std::size_t most = 1 << 20;
    const auto text = file.empty()  ? resources_of(line)
                      : file == "-" ? read_standard_input()
                                    : read_file_or_pipe(file, most);
    Lifecycle(setting.root).update(line.id(), text, file.empty() ? "update" : file == "-" ? "standard input" : file);
    return 0;
}

int oci_events(const OciSetting& setting, int argc, char** argv) {
    const auto line = read_oci_line(events_options, "events [OPTIONS] ID", argc, argv);
    if (line.done) return 0;
    const Lifecycle containers(setting.root);
    const auto wanted = line.value("interval");
    const auto interval = parse_duration(wanted.empty() ? "5s" : wanted);
    if (!interval || *interval <= 0)
        throw Error(ErrorKind::usage, cat("--interval takes a time like 5s, not ", quote(wanted)));
    while (true) {
        const auto told = containers.statistics(line.id());
        print_output(cat("{\"type\":\"stats\",\"id\":\"", line.id(), "\",\"data\":", told, "}\n"));
        if (line.has("stats")) return 0;
        std::this_thread::sleep_for(std::chrono::nanoseconds(*interval));
        const auto status = containers.state(line.id()).status;
        if (status == ContainerStatus::stopped) return 0;
    }
}

}  // namespace minirun
