#include "model/request_parts.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "kernel/names.hpp"
#include "kernel/syscall_names.hpp"
#include "model/option_error.hpp"
#include "model/runtime_spec_checks.hpp"
#include "model/user_database.hpp"

namespace minirun {
namespace {

int stop_signal(const RunOptions& options, const std::string& image_stop_signal) {
    if (!options.stop_signal.empty()) {
        if (const auto number = signal_number(options.stop_signal)) return *number;
        throw option_error("--stop-signal", options.stop_signal, "there is no such signal",
                           "signal(7) lists them: TERM, SIGINT, 15, RTMIN+3, …");
    }
    if (image_stop_signal.empty()) return SIGTERM;
    if (const auto number = signal_number(image_stop_signal)) return *number;
    throw Error(ErrorKind::bad_input, cat("StopSignal of the image is unknown: ", quote(image_stop_signal)),
                "give another one with --stop-signal");
}

bool assigns(std::string_view entry, std::string_view name) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

auto find_variable(const std::vector<std::string>& env, std::string_view name) {
    return std::find_if(env.begin(), env.end(), [&](const std::string& entry) { return assigns(entry, name); });
}

}  // namespace

LaunchRequest request_around(const RunOptions& options, const HostFacts& host, const std::string& image_stop_signal) {
    if (options.allow_32bit && !has_compat)
        throw Error(ErrorKind::unsupported, "--32bit: only x86-64 has 32-bit system calls that minirun can filter");
    LaunchRequest request;
    request.id = host.id;
    request.name = options.name;
    request.container_dir = host.container_dir;
    request.process_record = host.process_record;
    request.seccomp_cache = host.seccomp_cache;
    request.compat = options.allow_32bit;
    request.counts_denied = options.report_denied;
    request.keeps_upper = options.report_diff;
    request.keeps_mounts = !options.artifacts.empty();
    request.streams.interactive = options.interactive;
    request.streams.tty = options.tty;
    request.streams.descriptors = options.streams;
    request.streams.counted = options.accounting || options.output_limit;
    request.streams.logged = options.has_record() && (options.log.kept || options.log.journal);
    request.supervision = {options.timeout,      stop_signal(options, image_stop_signal),
                           options.stop_timeout, options.init,
                           options.cpu_time,     options.output_limit,
                           options.interruptible};
    request.fixed_addresses = options.fixed_addresses;
    request.accounting = options.accounting;
    // Other commands pause it, count what it uses, and run processes in it.
    if (options.has_record()) request.cgroup = CgroupUse::where_allowed;
    return request;
}

void set_variable(std::vector<std::string>& env, std::string_view assignment) {
    const auto name = assignment.substr(0, assignment.find('='));
    const auto found = find_variable(env, name);
    const bool removes = name.size() == assignment.size();
    if (removes && found != env.end())
        env.erase(found);
    else if (!removes && found != env.end())
        env[static_cast<std::size_t>(found - env.begin())] = assignment;
    else if (!removes)
        env.emplace_back(assignment);
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
    return find_variable(env, name) != env.end();
}

void add_home(ProcessSpec& process, const ImageFiles& files) {
    if (has_variable(process.env, "HOME")) return;
    const auto user = resolve_user(cat(process.user.uid), files.passwd, files.group);
    process.env.push_back("HOME=" + user.home);
}

std::string working_directory(const RunOptions& options, const std::string& otherwise) {
    if (options.working_dir.empty()) return otherwise.empty() ? "/" : otherwise;
    if (!options.working_dir.starts_with('/'))
        throw option_error("--workdir", options.working_dir, "the path in the container has to be absolute");
    return options.working_dir;
}

void set_resources(LinuxSpec& spec, const RunOptions& options, std::string_view id) {
    spec.resources = options.resources;
    auto& cpu = spec.resources.cpu;
    if (options.nano_cpus && (cpu.quota || cpu.period))
        throw Error(ErrorKind::usage, "--cpus is a quota and a period: --cpu-quota and --cpu-period say it again",
                    "give the one or the others");
    if (options.nano_cpus) {
        constexpr std::int64_t period = 100000;
        cpu.period = period;
        cpu.quota = *options.nano_cpus / (1'000'000'000 / period);
    }
    // As with Docker: as much swap as memory, unless it is said.
    auto& memory = spec.resources.memory;
    if (memory.swap && !memory.limit)
        throw Error(ErrorKind::usage, "--memory-swap counts memory and swap together: it needs --memory");
    if (memory.limit && !memory.swap) memory.swap = *memory.limit > INT64_MAX / 2 ? -1 : 2 * *memory.limit;
    if (!options.cgroup_parent.empty()) spec.cgroups_path = cat(options.cgroup_parent, '/', id);
}

void refuse_two_uppers(const RunOptions& options) {
    if (options.read_only && options.tmpfs_upper)
        throw Error(ErrorKind::usage, "--read-only leaves out the writable layer that --tmpfs-upper is about",
                    "give one of them");
}

void require_valid(const ContainerSpec& spec, const std::string& what) {
    Problems problems(what);
    check_spec(spec, problems);
    problems.throw_if_any();
}

}  // namespace minirun
