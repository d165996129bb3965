#include "cli/minirun/test_options.hpp"

#include <sched.h>

#include <algorithm>

#include "base/text.hpp"
#include "cli/minirun/run_values.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "model/option_error.hpp"
#include "model/volume.hpp"

namespace minirun {
namespace {

// What the options add up to, before what depends on several of them is settled.
struct Reading {
    TestCommand command;
    std::string jobs = "auto";
    bool own_cores = false, deterministic = false, writable = false;
    std::string epoch = "315532800";  // 1980-01-01, before which no zip archive can tell a time
    std::optional<std::int64_t> disk_limit;
};

constexpr std::int64_t usual_size_of_tmp = 1 << 30;

template <class Number>
Number number_value(std::string_view option, const std::string& text, Number least) {
    const auto number = parse_number<Number>(text);
    if (number && *number >= least) return *number;
    throw option_error(option, text, cat("expected a number, ", least, " or more"));
}

void apply_jobs(Reading& reading, const Given& given) {
    if (given.value != "auto") (void)number_value<unsigned>("--jobs", given.value, 1);
    reading.jobs = given.value;
}
void apply_from(Reading& reading, const Given& given) { reading.command.from = given.value == "-" ? "" : given.value; }
void apply_retry(Reading& reading, const Given& given) {
    reading.command.retries = number_value<unsigned>("--retry", given.value, 0);
}
void apply_fail_fast(Reading& reading, const Given& given) { reading.command.fail_fast = given.on; }
void apply_shuffle(Reading& reading, const Given& given) {
    reading.command.selection.seed = number_value<std::uint64_t>("--shuffle", given.value, 0);
}
void apply_repeat(Reading& reading, const Given& given) {
    reading.command.selection.repeat = number_value<std::size_t>("--repeat", given.value, 1);
}
void apply_shard(Reading& reading, const Given& given) {
    const auto parts = split(given.value, '/');
    const auto number = parts.size() == 2 ? parse_number<std::size_t>(parts[0]).value_or(0) : 0;
    const auto of = parts.size() == 2 ? parse_number<std::size_t>(parts[1]).value_or(0) : 0;
    if (number < 1 || number > of)
        throw option_error("--shard", given.value, "expected I/N: the first of four shards is 1/4");
    reading.command.selection.shard = number;
    reading.command.selection.shards = of;
}
void apply_rerun_failed(Reading& reading, const Given& given) {
    reading.command.rerun_failed = true;
    reading.command.rerun_file = given.value;
}
void apply_cores(Reading& reading, const Given& given) { reading.own_cores = given.on; }
void apply_deterministic(Reading& reading, const Given& given) { reading.deterministic = given.on; }
void apply_epoch(Reading& reading, const Given& given) {
    reading.epoch = cat(number_value<std::uint64_t>("--epoch", given.value, 0));
}
void apply_writable(Reading& reading, const Given& given) { reading.writable = given.on; }
void apply_disk_limit(Reading& reading, const Given& given) {
    reading.disk_limit = size_value("--disk-limit", given.value);
}
void apply_tap(Reading& reading, const Given& given) { reading.command.tap = given.has_value ? given.value : "-"; }
void apply_json(Reading& reading, const Given& given) { reading.command.json = given.has_value ? given.value : "-"; }
void apply_junit(Reading& reading, const Given& given) { reading.command.junit = given.value; }
void apply_help(Reading&, const Given&) {}

struct Row {
    OptionWords words;
    void (*apply)(Reading&, const Given&);
};
constexpr Row heading(std::string_view text) { return {{0, "", "", text}, nullptr}; }

// clang-format off
constexpr Row rows[] = {
    heading("Which tests"),
    {{0,   "from",          "FILE",    "the list: a test a line (standard input)"}, apply_from},
    {{0,   "shard",         "I/N",     "only each N-th test, from the I-th on"}, apply_shard},
    {{0,   "rerun-failed",  "[=FILE]", "only those that failed the last time"}, apply_rerun_failed},
    {{0,   "repeat",        "N",       "each so often"}, apply_repeat},
    {{0,   "shuffle",       "SEED",    "in another order, the same for each seed"}, apply_shuffle},

    heading("How they run"),
    {{'j', "jobs",          "N|auto",  "so many at once (one a CPU)"}, apply_jobs},
    {{0,   "retry",         "N",       "try a test that fails so often again"}, apply_retry},
    {{0,   "fail-fast",     "",        "end with the first that fails"}, apply_fail_fast},
    {{0,   "cores",         "",        "CPUs of its own for each job"}, apply_cores},
    {{0,   "writable",      "",        "a private writable layer, not only /tmp"}, apply_writable},
    {{0,   "disk-limit",    "SIZE",    "of /tmp, or of the writable layer"}, apply_disk_limit},
    {{0,   "deterministic", "",        "one CPU, fixed addresses and time stamp"}, apply_deterministic},
    {{0,   "epoch",         "SECONDS", "what SOURCE_DATE_EPOCH then is (1980)"}, apply_epoch},

    heading("What is told"),
    {{0,   "tap",           "[=FILE]", "results as TAP (standard output)"}, apply_tap},
    {{0,   "json",          "[=FILE]", "results as lines of JSON (standard output)"}, apply_json},
    {{0,   "junit",         "FILE",    "results as JUnit XML"}, apply_junit},
    {{0,   "help",          "",        "print this text"}, apply_help},
};
// clang-format on

std::vector<int> usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cpus;
    if (::sched_getaffinity(0, sizeof set, &set) < 0) return {0};
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
    return cpus;
}

// The CPUs of each job: an equal number, and with `only_one` just one.
std::vector<std::string> shared_out(const std::vector<int>& cpus, unsigned jobs, bool only_one) {
    if (jobs > cpus.size())
        throw Error(ErrorKind::usage,
                    cat("there are ", cpus.size(), " CPUs for ", jobs, " jobs that want one each of their own"),
                    "give a smaller -j");
    const auto each = only_one ? 1 : cpus.size() / jobs;
    std::vector<std::string> lists;
    for (std::size_t job = 0; job < jobs; job++) {
        std::vector<std::string> words;
        for (std::size_t i = 0; i < each; i++) words.push_back(cat(cpus[job * each + i]));
        lists.push_back(join(words, ","));
    }
    return lists;
}

// Of `run`'s options, those that are about one container in the foreground.
void refuse_what_has_no_meaning(const RunCommand& run) {
    const auto refuse = [](bool given, std::string_view option) {
        if (given) throw Error(ErrorKind::usage, cat("minirun test has no ", option), "minirun run has it");
    };
    refuse(run.options.tty, "--tty");
    refuse(run.options.interactive, "--interactive and no --stdin: a test's input is in its line of JSON");
    refuse(!run.stdout_file.empty(), "--stdout");
    refuse(!run.stderr_file.empty(), "--stderr");
    refuse(!run.options.name.empty(), "--name");
    refuse(!run.options.cidfile.empty(), "--cidfile");
    refuse(!run.options.pidfile.empty(), "--pidfile");
    refuse(!run.report.empty(), "--report: --json tells the same of each test");
    refuse(run.dry_run, "--dry-run");
    refuse(run.options.timings, "--timings");
    refuse(!run.options.artifacts.empty(), "--artifacts: let the tests write to a directory of --volume");
}

bool has_mount_on(const RunOptions& options, const std::string& path) {
    return std::any_of(options.volumes.begin(), options.volumes.end(),
                       [&](const VolumeOption& one) { return one.destination == path; });
}

void settle_file_system(Reading& reading) {
    auto& options = reading.command.run.options;
    if (reading.writable) {
        if (reading.disk_limit) options.tmpfs_upper = true;
        options.tmpfs_upper_size = reading.disk_limit;
        return;
    }
    options.read_only = true;
    if (has_mount_on(options, "/tmp")) return;
    const auto size = reading.disk_limit.value_or(usual_size_of_tmp);
    options.volumes.push_back(parse_tmpfs(cat("/tmp:mode=1777,exec,size=", size, ",nr_inodes=", files_within(size))));
}

void settle(Reading& reading) {
    auto& command = reading.command;
    auto& options = command.run.options;
    const auto cpus = usable_cpus();
    command.jobs =
        reading.jobs == "auto" ? static_cast<unsigned>(cpus.size()) : number_value<unsigned>("--jobs", reading.jobs, 1);
    if (reading.own_cores || reading.deterministic)
        command.cores = shared_out(cpus, command.jobs, reading.deterministic);
    settle_file_system(reading);
    if (reading.deterministic) {
        options.fixed_addresses = true;
        options.env.insert(options.env.begin(), "SOURCE_DATE_EPOCH=" + reading.epoch);
    }
    options.env.insert(options.env.begin(), {"TZ=UTC", "LANG=C.UTF-8"});
    auto& words = options.arguments;
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
}

// What a test gets that does not say otherwise: the same on every machine.
RunOptions usual_options() {
    RunOptions options;
    options.init = true;
    options.hostname = "minirun";
    options.stop_timeout = std::chrono::nanoseconds(0);
    options.output_limit = 16 << 20;
    options.interruptible = true;
    options.quiet = true;
    return options;
}

std::vector<OptionWords> own_words() {
    std::vector<OptionWords> words;
    for (const auto& row : rows) words.push_back(row.words);
    return words;
}

}  // namespace

TestCommand parse_test(int argc, char** argv) {
    Reading reading;
    std::vector<MoreOption> more;
    for (const auto& row : rows)
        more.push_back({row.words, [&reading, &row](const Given& given) { row.apply(reading, given); }});
    auto run = parse_run(argc, argv, more, usual_options());
    auto& command = reading.command;
    command.run = std::move(run);
    command.help = command.run.help;
    if (command.help) return std::move(command);
    refuse_what_has_no_meaning(command.run);
    if (command.json.empty()) check_findings_are_told(command.run.options, "--json");
    settle(reading);
    return std::move(command);
}

std::string test_help() {
    return cat(
        "Usage: minirun test [OPTIONS] IMAGE [--] [COMMAND] [ARG…]\n"
        "\n"
        "Runs COMMAND once for each line of a list, each time in a fresh container of the\n"
        "image, many at once, and tells which of them passed. {} in COMMAND is the line;\n"
        "without a {} it is one more argument.\n"
        "\n"
        "    ls tests/*.py | minirun test --timeout 10s -m 256m -v \"$PWD:/src:ro\" \\\n"
        "        pytest-bundle -- pytest -q /src/{}\n"
        "\n"
        "A line that begins with '{' is a test in JSON: name, argv, stdin, env, timeout,\n"
        "cpu-time, memory, pids-limit, output-limit, and what is expected: exit, status,\n"
        "stdout, stdout-regex, stdout-file, stderr, stderr-regex.\n",
        options_help(own_words()),
        "\n"
        "All options of minirun run about the container are taken, too: --timeout,\n"
        "--memory, --cpus, --volume, --env, --network. A test gets no network, a read-only\n"
        "root with a /tmp of its own, the host name minirun, TZ=UTC, LANG=C.UTF-8, and an\n"
        "init, unless they say otherwise.\n");
}

}  // namespace minirun
