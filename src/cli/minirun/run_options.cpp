#include "cli/minirun/run_options.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/health_options.hpp"
#include "cli/minirun/network_options.hpp"
#include "cli/minirun/resource_options.hpp"
#include "cli/minirun/run_values.hpp"
#include "cli/minirun/security_options.hpp"
#include "kernel/names.hpp"
#include "model/option_error.hpp"
#include "model/volume.hpp"
#include "network/etc_files.hpp"
#include "runtime/container_directory.hpp"

namespace minirun {
namespace {

// What the options add up to, before what depends on several of them is settled.
struct Reading {
    RunCommand command;
    std::vector<std::string> file_env;  // of --env-file: the values of --env win, wherever they stand
    MaskChanges masks;
    bool format_given = false;
    bool no_health_check = false;
    RunOptions& options() { return command.options; }
};

using Apply = void (*)(Reading&, const Given&);

// The plain ones: a member of RunOptions that is set, or added to.
template <auto Member>
void set(Reading& reading, const Given& given) {
    reading.options().*Member = given.value;
}
template <auto Member>
void turn(Reading& reading, const Given& given) {
    reading.options().*Member = given.on;
}
template <auto Member>
void add(Reading& reading, const Given& given) {
    (reading.options().*Member).push_back(given.value);
}

// The word that was given, or an error that lists those that are known.
template <class Value>
Value one_of(std::string_view option, const std::string& word,
             std::initializer_list<std::pair<std::string_view, Value>> known) {
    std::string words;
    for (const auto& [name, value] : known) {
        if (word == name) return value;
        words += (words.empty() ? "" : " and ") + std::string(name);
    }
    throw option_error(option, word, cat("only ", words, " are supported"));
}

NamespaceMode namespace_mode(std::string_view option, const std::string& word) {
    return one_of<NamespaceMode>(option, word, {{"host", NamespaceMode::host}, {"private", NamespaceMode::private_}});
}

// Those of another file.
template <auto Use>
void use(Reading& reading, const Given& given) {
    Use(reading.options(), given.value);
}
void apply_oom_kill_disable(Reading& reading, const Given& given) {
    reading.options().resources.memory.disable_oom_killer = given.on;
}

// ---- What runs

void apply_env(Reading& reading, const Given& given) { reading.options().env.push_back(env_value(given.value)); }
void apply_env_file(Reading& reading, const Given& given) {
    auto assignments = read_env_file(given.value);
    std::move(assignments.begin(), assignments.end(), std::back_inserter(reading.file_env));
}
void apply_workdir(Reading& reading, const Given& given) {
    if (!given.value.starts_with('/'))
        throw option_error("--workdir", given.value, "the path in the container has to be absolute");
    reading.options().working_dir = given.value;
}
void apply_entrypoint(Reading& reading, const Given& given) {
    reading.options().entrypoint.emplace();
    if (!given.value.empty()) reading.options().entrypoint->push_back(given.value);
}
void apply_stop_signal(Reading& reading, const Given& given) {
    if (!signal_number(given.value))
        throw option_error("--stop-signal", given.value, "there is no such signal",
                           "signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …");
    reading.options().stop_signal = given.value;
}
void apply_stop_timeout(Reading& reading, const Given& given) {
    reading.options().stop_timeout = duration_value("--stop-timeout", given.value, true);
}
void apply_timeout(Reading& reading, const Given& given) {
    reading.options().timeout = duration_value("--timeout", given.value, false);
}
void apply_ulimit(Reading& reading, const Given& given) { set_limit(reading.options(), ulimit_value(given.value)); }

// ---- Its file system

void apply_volume(Reading& reading, const Given& given) {
    auto volume = parse_volume(given.value, current_directory());
    check_source_exists("--volume", volume);
    reading.options().volumes.push_back(std::move(volume));
}
void apply_mount(Reading& reading, const Given& given) {
    auto volume = parse_mount(given.value, current_directory());
    check_source_exists("--mount", volume);
    reading.options().volumes.push_back(std::move(volume));
}
void apply_tmpfs(Reading& reading, const Given& given) {
    reading.options().volumes.push_back(parse_tmpfs(given.value));
}
void apply_tmpfs_upper(Reading& reading, const Given& given) {
    reading.options().tmpfs_upper = true;
    reading.options().tmpfs_upper_size.reset();
    if (given.has_value) reading.options().tmpfs_upper_size = size_value("--tmpfs-upper", given.value);
}
void apply_device(Reading& reading, const Given& given) {
    auto device = device_value(given.value);
    auto& all = reading.options().devices;
    std::erase_if(all, [&](const DeviceSpec& other) { return other.path == device.path; });
    all.push_back(std::move(device));
}
void apply_shm_size(Reading& reading, const Given& given) {
    reading.options().shm_size = size_value("--shm-size", given.value);
}
void apply_rootfs(Reading& reading, const Given& given) {
    if (given.value.empty()) throw option_error("--rootfs", given.value, "expected a directory");
    reading.options().rootfs = given.value;
}

// ---- Its isolation

void apply_pid(Reading& reading, const Given& given) { reading.options().pid = namespace_mode("--pid", given.value); }
void apply_ipc(Reading& reading, const Given& given) { reading.options().ipc = namespace_mode("--ipc", given.value); }
void apply_uts(Reading& reading, const Given& given) { reading.options().uts = namespace_mode("--uts", given.value); }
void apply_cgroupns(Reading& reading, const Given& given) {
    reading.options().cgroup = namespace_mode("--cgroupns", given.value);
}
void apply_userns(Reading& reading, const Given& given) {
    reading.options().user_namespace = namespace_mode("--userns", given.value) == NamespaceMode::private_;
}
void apply_time(Reading& reading, const Given& given) {
    reading.options().time_namespace = namespace_mode("--time", given.value) == NamespaceMode::private_;
}
void apply_sysctl(Reading& reading, const Given& given) {
    const auto [key, value] = key_value("--sysctl", given.value);
    // The kernel takes an empty write for nothing to do.
    if (value.empty()) throw option_error("--sysctl", given.value, "the value is empty");
    reading.options().sysctls[key] = value;
}

void apply_security_opt(Reading& reading, const Given& given) {
    apply_security_option(reading.options(), reading.masks, given.value);
}

// ---- Its names

void apply_name(Reading& reading, const Given& given) {
    check_container_name(given.value);
    reading.options().name = given.value;
}
template <auto Member>
void apply_host_name(Reading& reading, const Given& given, std::string_view option) {
    if (!is_host_name(given.value))
        throw option_error(option, given.value, "this is no host name",
                           "letters, digits, '-' and '_', with dots between labels; 64 bytes at most");
    reading.options().*Member = given.value;
}
void apply_hostname(Reading& reading, const Given& given) {
    apply_host_name<&RunOptions::hostname>(reading, given, "--hostname");
}
void apply_domainname(Reading& reading, const Given& given) {
    apply_host_name<&RunOptions::domainname>(reading, given, "--domainname");
}
void apply_add_host(Reading& reading, const Given& given) {
    (void)parse_add_host(given.value);
    reading.options().add_hosts.push_back(given.value);
}
void apply_dns(Reading& reading, const Given& given) {
    check_name_server(given.value);
    reading.options().dns.push_back(given.value);
}
void apply_dns_search(Reading& reading, const Given& given) {
    check_search_domain(given.value);
    reading.options().dns_search.push_back(given.value);
}
void apply_dns_option(Reading& reading, const Given& given) {
    check_resolver_option(given.value);
    reading.options().dns_options.push_back(given.value);
}
void apply_annotation(Reading& reading, const Given& given) {
    const auto [key, value] = key_value("--annotation", given.value);
    reading.options().annotations[key] = value;
}
void apply_label(Reading& reading, const Given& given) {
    const auto equals = given.value.find('=');
    const auto key = given.value.substr(0, equals);
    if (key.empty()) throw option_error("--label", given.value, "expected KEY or KEY=VALUE");
    reading.options().labels[key] = equals == std::string::npos ? "" : given.value.substr(equals + 1);
}

// ---- Its life

void apply_restart(Reading& reading, const Given& given) { reading.options().restart = restart_value(given.value); }
void apply_log_driver(Reading& reading, const Given& given) {
    auto& log = reading.options().log;
    const auto number = one_of<int>("--log-driver", given.value, {{"json-file", 0}, {"none", 1}, {"journald", 2}});
    log.kept = number == 0;
    log.journal = number == 2;
}
void apply_log_option(Reading& reading, const Given& given) { set_log_option(reading.options().log, given.value); }

void apply_no_health_check(Reading& reading, const Given& given) { reading.no_health_check = given.on; }

// ---- Around it

template <auto Member>
void apply_new_file(Reading& reading, const Given& given, std::string_view option) {
    if (given.value.empty()) throw option_error(option, given.value, "expected the path of a file");
    reading.options().*Member = given.value;
}
void apply_cidfile(Reading& reading, const Given& given) {
    apply_new_file<&RunOptions::cidfile>(reading, given, "--cidfile");
}
void apply_pidfile(Reading& reading, const Given& given) {
    apply_new_file<&RunOptions::pidfile>(reading, given, "--pidfile");
}
void apply_platform(Reading& reading, const Given& given) {
    check_host_platform(given.value);
    reading.command.platform = given.value;
}
template <auto Member>
void apply_stream(Reading& reading, const Given& given) {
    reading.command.*Member = given.value;
}
void apply_report(Reading& reading, const Given& given) { reading.command.report = given.value; }
void apply_artifacts(Reading& reading, const Given& given) {
    reading.options().artifacts.push_back(artifact_value(given.value));
}
void apply_dry_run(Reading& reading, const Given& given) { reading.command.dry_run = given.on; }
void apply_format(Reading& reading, const Given& given) {
    reading.format_given = true;
    reading.command.json = one_of<bool>("--format", given.value, {{"text", false}, {"json", true}});
}
void apply_help(Reading&, const Given&) {}  // seen before the others: a mistake in them is no reason not to help

// ---- The table: what the command line knows, in the order of the help text

struct Row {
    OptionWords words;
    Apply apply;
};
constexpr Row heading(std::string_view text) { return {{0, "", "", text}, nullptr}; }

// clang-format off
constexpr Row rows[] = {
    heading("What runs"),
    {{0,   "entrypoint",   "COMMAND",        "replaces the image's Entrypoint and Cmd"}, apply_entrypoint},
    {{'e', "env",          "NAME[=VALUE]",   "set a variable; without =, the host's"}, apply_env},
    {{0,   "env-file",     "FILE",           "variables from a file, a line each"}, apply_env_file},
    {{'w', "workdir",      "DIR",            "the working directory"}, apply_workdir},
    {{'u', "user",         "USER[:GROUP]",   "names or ids"}, set<&RunOptions::user>},
    {{0,   "group-add",    "GROUP",          "one more group"}, add<&RunOptions::group_add>},
    {{'i', "interactive",  "",               "pass standard input on"}, turn<&RunOptions::interactive>},
    {{0,   "stdin",        "FILE",           "what it reads as standard input"}, apply_stream<&RunCommand::stdin_file>},
    {{0,   "stdout",       "FILE",           "where its standard output goes"}, apply_stream<&RunCommand::stdout_file>},
    {{0,   "stderr",       "FILE",           "where its standard error goes"}, apply_stream<&RunCommand::stderr_file>},
    {{'t', "tty",          "",               "a terminal of its own"}, turn<&RunOptions::tty>},
    {{0,   "init",         "",               "an init that reaps orphans is pid 1"}, turn<&RunOptions::init>},
    {{0,   "timeout",      "TIME",           "end it after this time (exit code 124)"}, apply_timeout},
    {{0,   "stop-signal",  "SIGNAL",         "what asks it to end"}, apply_stop_signal},
    {{0,   "stop-timeout", "TIME",           "from that signal to SIGKILL (10s)"}, apply_stop_timeout},
    {{0,   "ulimit",       "NAME=SOFT[:HARD]", "a resource limit: nofile=1024"}, apply_ulimit},

    heading("File system"),
    {{'v', "volume",       "SRC:DST[:OPTS]", "bind a host path: ro, rw, O (throw-away)"}, apply_volume},
    {{0,   "mount",        "KEY=VALUE,…",    "type=bind|tmpfs,src=…,dst=…,readonly"}, apply_mount},
    {{0,   "tmpfs",        "DST[:OPTS]",     "memory: size=64m, mode=1777, exec"}, apply_tmpfs},
    {{0,   "read-only",    "",               "no writable layer"}, turn<&RunOptions::read_only>},
    {{0,   "tmpfs-upper",  "[=SIZE]",        "keep the writable layer in memory"}, apply_tmpfs_upper},
    {{0,   "isolate-layers", "",             "copy the layers: share nothing"}, turn<&RunOptions::isolate_layers>},
    {{0,   "shm-size",     "SIZE",           "of /dev/shm (64m)"}, apply_shm_size},
    {{0,   "device",       "PATH[:PATH]",    "a device of the host"}, apply_device},
    {{0,   "rootfs",       "DIR",            "run a plain directory, not an image"}, apply_rootfs},

    heading("Isolation"),
    {{0,   "network",      "NETWORK",        "none, host, pasta, bridge, container:NAME, …"}, use<network_options::network>},
    {{0,   "net",          "NETWORK",        ""}, use<network_options::network>},
    {{'p', "publish",      "HOST:PORT",      "a port of the host leads to its own"}, use<network_options::publish>},
    {{'P', "publish-all",  "",               "those that the image exposes, on free ones"}, turn<&RunOptions::publish_all>},
    {{0,   "mac-address",  "MAC",            "of its interface, with pasta or bridge"}, use<network_options::mac_address>},
    {{0,   "ip",           "ADDRESS",        "its own on a bridge"}, use<network_options::address4>},
    {{0,   "ip6",          "ADDRESS",        "the same of IPv6"}, use<network_options::address6>},
    {{0,   "network-alias", "NAME",          "another name on its bridges"}, use<network_options::alias>},
    {{0,   "net-alias",    "NAME",           ""}, use<network_options::alias>},
    {{0,   "pid",          "host|private",   "whose processes it sees"}, apply_pid},
    {{0,   "ipc",          "host|private",   "whose shared memory and queues"}, apply_ipc},
    {{0,   "uts",          "host|private",   "whose host name"}, apply_uts},
    {{0,   "cgroupns",     "host|private",   "whose view of the cgroups"}, apply_cgroupns},
    {{0,   "userns",       "host|private",   "whose user ids"}, apply_userns},
    {{0,   "time",         "host|private",   "whose boot time"}, apply_time},
    {{0,   "cap-add",      "CAPABILITY",     "one more, or ALL"}, add<&RunOptions::cap_add>},
    {{0,   "cap-drop",     "CAPABILITY",     "one less, or ALL"}, add<&RunOptions::cap_drop>},
    {{0,   "security-opt", "OPTION",         "seccomp=FILE|unconfined, mask=PATH, …"}, apply_security_opt},
    {{0,   "32bit",        "",               "let 32-bit programs run, too"}, turn<&RunOptions::allow_32bit>},
    {{0,   "privileged",   "",               "root of the host: no sandbox at all"}, turn<&RunOptions::privileged>},
    {{0,   "sysctl",       "KEY=VALUE",      "a kernel parameter of its namespaces"}, apply_sysctl},

    heading("Resources"),
    {{'m', "memory",       "SIZE",           "memory at most: 512m"}, use<resource_options::memory>},
    {{0,   "memory-reservation", "SIZE",     "what it keeps when memory is short"}, use<resource_options::memory_reservation>},
    {{0,   "memory-swap",  "SIZE|-1",        "memory and swap at most"}, use<resource_options::memory_swap>},
    {{0,   "memory-swappiness", "N",         "from 0 to 100 (cgroup v1 only)"}, use<resource_options::memory_swappiness>},
    {{0,   "oom-kill-disable", "",           "wait for memory instead (cgroup v1)"}, apply_oom_kill_disable},
    {{0,   "cpus",         "N",              "CPUs at most: 1.5"}, use<resource_options::cpus>},
    {{'c', "cpu-shares",   "N",              "its part of busy CPUs (1024)"}, use<resource_options::cpu_shares>},
    {{0,   "cpu-period",   "TIME",           "in microseconds, for --cpu-quota"}, use<resource_options::cpu_period>},
    {{0,   "cpu-quota",    "TIME",           "in microseconds a period"}, use<resource_options::cpu_quota>},
    {{0,   "cpuset-cpus",  "LIST",           "the CPUs it may use: 0-2,7"}, use<resource_options::cpuset_cpus>},
    {{0,   "cpuset-mems",  "LIST",           "the memory nodes it may use"}, use<resource_options::cpuset_mems>},
    {{0,   "pids-limit",   "N",              "processes and threads at most"}, use<resource_options::pids_limit>},
    {{0,   "cpu-time",     "TIME",           "CPU time of all of it (exit code 124)"}, use<resource_options::cpu_time>},
    {{0,   "output-limit", "SIZE",           "what it may print (exit code 124)"}, use<resource_options::output_limit>},
    {{0,   "disk-limit",   "SIZE",           "its writable layer, in memory then"}, use<resource_options::disk_limit>},
    {{0,   "file-size-limit", "SIZE",        "each file that it writes"}, use<resource_options::file_size_limit>},
    {{0,   "nofile",       "N",              "open files of each process"}, use<resource_options::nofile>},
    {{0,   "blkio-weight", "N",              "its part of busy disks, 10 to 1000"}, use<resource_options::blkio_weight>},
    {{0,   "blkio-weight-device", "PATH:N",  "the same of one disk"}, use<resource_options::blkio_weight_device>},
    {{0,   "device-read-bps", "PATH:SIZE",   "bytes a second from a disk"}, use<resource_options::device_read_bps>},
    {{0,   "device-write-bps", "PATH:SIZE",  "bytes a second to a disk"}, use<resource_options::device_write_bps>},
    {{0,   "device-read-iops", "PATH:N",     "reads a second"}, use<resource_options::device_read_iops>},
    {{0,   "device-write-iops", "PATH:N",    "writes a second"}, use<resource_options::device_write_iops>},
    {{0,   "device-cgroup-rule", "RULE",     "allow these devices: c 13:* rwm"}, use<resource_options::device_cgroup_rule>},
    {{0,   "cgroup-parent", "PATH",          "below which cgroup its own is"}, use<resource_options::cgroup_parent>},

    heading("Names"),
    {{0,   "name",         "NAME",           "of the container"}, apply_name},
    {{'h', "hostname",     "NAME",           "of the machine it believes to be"}, apply_hostname},
    {{0,   "domainname",   "NAME",           "its NIS domain"}, apply_domainname},
    {{0,   "add-host",     "NAME:ADDRESS",   "a line of /etc/hosts"}, apply_add_host},
    {{0,   "dns",          "ADDRESS",        "a name server of /etc/resolv.conf"}, apply_dns},
    {{0,   "dns-search",   "DOMAIN",         "a search domain"}, apply_dns_search},
    {{0,   "dns-option",   "OPTION",         "an option of resolv.conf(5)"}, apply_dns_option},
    {{0,   "dns-opt",      "OPTION",         ""}, apply_dns_option},
    {{'l', "label",        "KEY[=VALUE]",    "a remark on the container"}, apply_label},
    {{0,   "annotation",   "KEY=VALUE",      "the same, in the runtime's config.json"}, apply_annotation},

    heading("Its life"),
    {{'d', "detach",       "",               "run it in the background, and print its id"}, turn<&RunOptions::detach>},
    {{0,   "rm",           "",               "remove it when it ends"}, turn<&RunOptions::remove>},
    {{0,   "restart",      "POLICY",         "no, on-failure[:N], always, unless-stopped"}, apply_restart},
    {{0,   "log-driver",   "DRIVER",         "json-file, journald or none"}, apply_log_driver},
    {{0,   "log-opt",      "KEY=VALUE",      "max-size=10m, max-file=3, tag=TEXT"}, apply_log_option},
    {{0,   "health-cmd",   "COMMAND",        "a command line that fails if it is not well"}, use<health_options::command>},
    {{0,   "health-interval", "TIME",        "from one check to the next (30s)"}, use<health_options::interval>},
    {{0,   "health-timeout", "TIME",         "for each check (30s)"}, use<health_options::timeout>},
    {{0,   "health-retries", "N",            "so many that fail are too many (3)"}, use<health_options::retries>},
    {{0,   "health-start-period", "TIME",    "in which they may fail (0s)"}, use<health_options::start_period>},
    {{0,   "health-start-interval", "TIME",  "from one to the next in it (5s)"}, use<health_options::start_interval>},
    {{0,   "no-healthcheck", "",             "not the image's check either"}, apply_no_health_check},

    heading("Around it"),
    {{0,   "cidfile",      "FILE",           "write the container's id there"}, apply_cidfile},
    {{0,   "pidfile",      "FILE",           "write its process id there"}, apply_pidfile},
    {{0,   "report",       "FILE|-|fd:N",    "write there what became of it, as JSON"}, apply_report},
    {{0,   "report-denied", "",              "in it: system calls that were denied"}, turn<&RunOptions::report_denied>},
    {{0,   "report-diff",  "",               "in it: files added, modified, deleted"}, turn<&RunOptions::report_diff>},
    {{0,   "artifacts",    "PATH:DIR",       "copy PATH of it into DIR when it has ended"}, apply_artifacts},
    {{'q', "quiet",        "",               "no remarks on standard error"}, turn<&RunOptions::quiet>},
    {{0,   "platform",     "OS/ARCH",        "fail unless this host is that"}, apply_platform},
    {{0,   "dry-run",      "",               "print the launch plan; needs no root"}, apply_dry_run},
    {{0,   "format",       "text|json",      "of the launch plan"}, apply_format},
    {{0,   "timings",      "",               "tell at the end how long each step took"}, turn<&RunOptions::timings>},
    {{0,   "help",         "",               "print this text"}, apply_help},
};

// Docker's, which mean nothing here yet. A clear word is better than "unknown option".
constexpr UnsupportedOption unsupported[] = {
    {'a', "attach"}, {0, "cpu-count"},
    {0, "cpu-percent"}, {0, "cpu-rt-period"}, {0, "cpu-rt-runtime"},
    {0, "detach-keys"},
        {0, "disable-content-trust"}, {0, "expose"}, {0, "gpus"}, {0, "io-maxbandwidth"}, {0, "io-maxiops"}, {0, "ip"}, {0, "ip6"}, {0, "isolation"},
    {0, "kernel-memory"}, {0, "label-file"}, {0, "link"}, {0, "link-local-ip"},
    {0, "net-alias"}, {0, "network-alias"}, {0, "oom-score-adj"},
    {0, "pull"}, {0, "runtime"},
    {0, "sig-proxy"}, {0, "storage-opt"}, {0, "use-api-socket"}, {0, "volume-driver"}, {0, "volumes-from"},
};
// clang-format on

constexpr auto words = [] {
    std::array<OptionWords, std::size(rows)> all{};
    for (std::size_t i = 0; i < std::size(rows); i++) all[i] = rows[i].words;
    return all;
}();

// ---- What depends on several options

void settle_arguments(Reading& reading, std::vector<std::string> arguments, std::string_view command_name) {
    auto& options = reading.options();
    if (!options.rootfs) {
        if (arguments.empty() || arguments.front().empty())
            throw Error(
                ErrorKind::usage, "no image is named",
                cat("write minirun ", command_name, " [OPTIONS] IMAGE [COMMAND] [ARG…]; --help lists the options"));
        reading.command.image = std::move(arguments.front());
        arguments.erase(arguments.begin());
    }
    options.arguments = std::move(arguments);
}

void settle_streams(RunCommand& command) {
    const auto& in = command.stdin_file;
    if (!command.options.tty || (in.empty() && command.stdout_file.empty() && command.stderr_file.empty())) {
        command.options.interactive = command.options.interactive || !in.empty();
        return;
    }
    throw Error(ErrorKind::usage, "with -t the streams are a terminal, not the files of --stdin, --stdout and --stderr",
                "leave out -t");
}

void settle_life(const RunOptions& options) {
    const auto& log = options.log;
    if (!log.journal && !log.tag.empty())
        throw Error(ErrorKind::usage, "--log-opt tag is for --log-driver journald only");
    if (!log.kept && (log.max_size || log.max_files > 1))
        throw Error(ErrorKind::usage, "--log-opt max-size and max-file are for --log-driver json-file only");
    if (options.restart.when == RestartPolicy::When::never) return;
    if (options.remove) throw Error(ErrorKind::usage, "--rm and --restart exclude each other", "leave out one of them");
}

// The table with those of another command in front. A row of ours that has the same name is blank: a name stands there
// once.
std::vector<OptionWords> with_more(std::span<const MoreOption> more) {
    std::vector<OptionWords> known;
    for (const auto& option : more) known.push_back(option.words);
    for (const auto& option : words) {
        const bool replaced = !option.name.empty() && std::any_of(more.begin(), more.end(), [&](const MoreOption& one) {
            return one.words.name == option.name;
        });
        known.push_back(replaced ? OptionWords{} : option);
    }
    return known;
}

}  // namespace

RunCommand parse_run(int argc, char** argv, std::span<const MoreOption> more, RunOptions usual) {
    const auto known = with_more(more);
    auto line = read_command_line(known, unsupported, argc, argv);
    Reading reading;
    reading.options() = std::move(usual);
    const auto asks_for_help = [&](const Given& given) { return known[given.index].name == "help" && given.on; };
    reading.command.help = std::any_of(line.options.begin(), line.options.end(), asks_for_help);
    if (reading.command.help) return std::move(reading.command);
    for (const auto& given : line.options) {
        if (given.index < more.size())
            more[given.index].apply(given);
        else
            rows[given.index - more.size()].apply(reading, given);
    }
    auto& env = reading.options().env;
    env.insert(env.begin(), reading.file_env.begin(), reading.file_env.end());
    settle_masks(reading.options(), reading.masks);
    settle_arguments(reading, std::move(line.arguments), argv[0]);
    if (reading.format_given && !reading.command.dry_run)
        throw Error(ErrorKind::usage, "--format is for --dry-run only");
    settle_streams(reading.command);
    settle_life(reading.options());
    if (reading.no_health_check) health_options::none(reading.options());
    return std::move(reading.command);
}

void check_findings_are_told(const RunOptions& options, std::string_view where) {
    for (const auto& [given, name] :
         {std::pair(options.report_denied, "--report-denied"), std::pair(options.report_diff, "--report-diff")})
        if (given)
            throw Error(ErrorKind::usage, cat(name, " is for ", where, " only"),
                        cat(where, " FILE says where it is written"));
}

std::string run_help(std::string_view command, std::string_view about) {
    return cat("Usage: minirun ", command, " [OPTIONS] IMAGE [COMMAND] [ARG…]\n       minirun ", command,
               " [OPTIONS] --rootfs DIR COMMAND [ARG…]\n\n", about,
               " IMAGE is a bundle: a directory, or its name.\n"
               "What stands behind IMAGE is the container's.\n",
               options_help(words));
}

}  // namespace minirun
