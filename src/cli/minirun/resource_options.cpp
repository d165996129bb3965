#include "cli/minirun/resource_options.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.hpp"
#include "cli/minirun/run_values.hpp"
#include "model/option_error.hpp"

namespace minirun::resource_options {
namespace {

std::int64_t number(std::string_view option, const std::string& text, std::int64_t least, std::int64_t most) {
    const auto value = parse_number<std::int64_t>(text);
    if (value && *value >= least && *value <= most) return *value;
    throw option_error(option, text,
                       most == INT64_MAX ? cat("expected a number, ", least, " or more")
                                         : cat("expected a number from ", least, " to ", most));
}

// "PATH:VALUE": the device's numbers and the rest.
struct DeviceValue {
    std::uint32_t major, minor;
    std::string value;
};
DeviceValue device_value_of(std::string_view option, const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) throw option_error(option, text, "expected PATH:VALUE");
    const auto path = text.substr(0, colon);
    struct stat info {};
    if (::stat(path.c_str(), &info) < 0) throw option_error(option, text, cat("there is no ", quote(path)));
    if (!S_ISBLK(info.st_mode)) throw option_error(option, text, cat(quote(path), " is no block device"));
    return {major(info.st_rdev), minor(info.st_rdev), text.substr(colon + 1)};
}

void add_throttle(std::string_view option, const std::string& text, std::vector<ThrottleDevice>& to, bool is_size) {
    const auto device = device_value_of(option, text);
    const auto rate = is_size ? size_value(option, device.value) : number(option, device.value, 1, INT64_MAX);
    to.push_back({device.major, device.minor, static_cast<std::uint64_t>(rate)});
}

std::optional<std::uint32_t> rule_number(const std::string& text, std::string_view part) {
    if (part == "*") return std::nullopt;
    const auto value = parse_number<std::uint32_t>(part);
    if (!value) throw option_error("--device-cgroup-rule", text, cat(quote(part), " is no number and not *"));
    return value;
}

}  // namespace

void memory(RunOptions& options, const std::string& text) {
    options.resources.memory.limit = size_value("--memory", text);
}
void memory_reservation(RunOptions& options, const std::string& text) {
    options.resources.memory.reservation = size_value("--memory-reservation", text);
}
void memory_swap(RunOptions& options, const std::string& text) {
    options.resources.memory.swap = text == "-1" ? -1 : size_value("--memory-swap", text);
}
void memory_swappiness(RunOptions& options, const std::string& text) {
    options.resources.memory.swappiness = static_cast<std::uint64_t>(number("--memory-swappiness", text, 0, 100));
}

void cpus(RunOptions& options, const std::string& text) {
    const auto dot = text.find('.');
    const auto whole = parse_number<std::uint32_t>(std::string_view(text).substr(0, dot));
    auto fraction = dot == std::string::npos ? std::string() : text.substr(dot + 1);
    const bool has_digits = dot == std::string::npos || !fraction.empty();
    fraction.resize(std::max<std::size_t>(fraction.size(), 9), '0');
    const auto billionths = parse_number<std::uint64_t>(fraction);
    const bool right = whole && *whole < 100000 && has_digits && billionths && fraction.size() == 9;
    const auto nano = right ? std::int64_t{*whole} * 1'000'000'000 + static_cast<std::int64_t>(*billionths) : 0;
    // The kernel's least quota, 1 ms, in a period of 100 ms.
    if (nano < 10'000'000) throw option_error("--cpus", text, "expected a number of CPUs, 0.01 or more: 1.5");
    options.nano_cpus = nano;
}
void cpu_shares(RunOptions& options, const std::string& text) {
    options.resources.cpu.shares = static_cast<std::uint64_t>(number("--cpu-shares", text, 0, 262144));
}
void cpu_period(RunOptions& options, const std::string& text) {
    options.resources.cpu.period = static_cast<std::uint64_t>(number("--cpu-period", text, 1000, 1'000'000));
}
void cpu_quota(RunOptions& options, const std::string& text) {
    const auto quota = number("--cpu-quota", text, -1, INT64_MAX);
    if (quota > 0 && quota < 1000) throw option_error("--cpu-quota", text, "the kernel's least is 1000 microseconds");
    options.resources.cpu.quota = quota;
}
void cpuset_cpus(RunOptions& options, const std::string& text) { options.resources.cpu.cpus = text; }
void cpuset_mems(RunOptions& options, const std::string& text) { options.resources.cpu.mems = text; }
void pids_limit(RunOptions& options, const std::string& text) {
    const auto limit = number("--pids-limit", text, -1, 4194304);
    // 0 and -1 are no limit to Docker.
    options.resources.pids_limit = limit == 0 ? -1 : limit;
}

void blkio_weight(RunOptions& options, const std::string& text) {
    const auto weight = text == "0" ? 0 : number("--blkio-weight", text, 10, 1000);
    options.resources.block_io.weight = static_cast<std::uint16_t>(weight);
}
void blkio_weight_device(RunOptions& options, const std::string& text) {
    const auto device = device_value_of("--blkio-weight-device", text);
    const auto weight = number("--blkio-weight-device", device.value, 10, 1000);
    options.resources.block_io.weight_devices.push_back(
        {device.major, device.minor, static_cast<std::uint16_t>(weight), {}});
}
void device_read_bps(RunOptions& options, const std::string& text) {
    add_throttle("--device-read-bps", text, options.resources.block_io.read_bps, true);
}
void device_write_bps(RunOptions& options, const std::string& text) {
    add_throttle("--device-write-bps", text, options.resources.block_io.write_bps, true);
}
void device_read_iops(RunOptions& options, const std::string& text) {
    add_throttle("--device-read-iops", text, options.resources.block_io.read_iops, false);
}
void device_write_iops(RunOptions& options, const std::string& text) {
    add_throttle("--device-write-iops", text, options.resources.block_io.write_iops, false);
}

// "c 13:* rwm".
void device_cgroup_rule(RunOptions& options, const std::string& text) {
    const auto parts = split(text, ' ');
    const auto numbers = split(parts.size() == 3 ? parts[1] : "", ':');
    const bool right = parts.size() == 3 && (parts[0] == "a" || parts[0] == "b" || parts[0] == "c") &&
                       numbers.size() == 2 && !parts[2].empty() &&
                       parts[2].find_first_not_of("rwm") == std::string::npos;
    if (!right)
        throw option_error("--device-cgroup-rule", text,
                           "expected a type, two numbers and what is allowed: c 13:* rwm");
    // By itself a rule allows nothing new: without one nothing is looked at.
    if (options.resources.devices.empty()) options.resources.devices.push_back({});
    options.resources.devices.push_back(
        {true, parts[0][0], rule_number(text, numbers[0]), rule_number(text, numbers[1]), parts[2]});
}

void cgroup_parent(RunOptions& options, const std::string& text) {
    if (text.empty()) throw option_error("--cgroup-parent", text, "expected the path of a cgroup");
    for (const auto& part : split(text, '/'))
        if (part == "..") throw option_error("--cgroup-parent", text, "\"..\" could lead out of the cgroups");
    options.cgroup_parent = text;
}

void cpu_time(RunOptions& options, const std::string& text) {
    options.cpu_time = duration_value("--cpu-time", text, false);
}
void output_limit(RunOptions& options, const std::string& text) {
    options.output_limit = static_cast<std::uint64_t>(size_value("--output-limit", text));
}
void disk_limit(RunOptions& options, const std::string& text) {
    options.tmpfs_upper = true;
    options.tmpfs_upper_size = size_value("--disk-limit", text);
}
void file_size_limit(RunOptions& options, const std::string& text) {
    const auto size = static_cast<std::uint64_t>(size_value("--file-size-limit", text));
    set_limit(options, {"RLIMIT_FSIZE", size, size});
}
void nofile(RunOptions& options, const std::string& text) {
    const auto most = static_cast<std::uint64_t>(number("--nofile", text, 0, INT32_MAX));
    set_limit(options, {"RLIMIT_NOFILE", most, most});
}

}  // namespace minirun::resource_options
