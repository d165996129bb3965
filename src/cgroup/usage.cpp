#include "cgroup/usage.hpp"

#include <algorithm>
#include <map>

#include "base/json.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;
using Numbers = std::map<std::string, std::uint64_t>;

// The files of one controller; nothing where the place has none.
class Files {
public:
    Files(const CgroupPlace& place, std::string_view controller) {
        if (const auto* directory = place.find(controller)) path_ = directory->path + '/';
    }
    explicit operator bool() const { return !path_.empty(); }
    std::string text(std::string_view file) const { return path_.empty() ? "" : read_kernel_file(cat(path_, file)); }

    // "max" is the largest number.
    std::optional<std::uint64_t> number(std::string_view file) const {
        auto line = text(file);
        line = line.substr(0, line.find('\n'));
        return line == "max" ? UINT64_MAX : parse_number<std::uint64_t>(line);
    }
    std::uint64_t number_or_0(std::string_view file) const { return number(file).value_or(0); }

    // Lines of "key number".
    Numbers numbers(std::string_view file) const {
        Numbers all;
        for (const auto& line : split(text(file), '\n')) {
            const auto space = line.find(' ');
            if (space == std::string::npos) continue;
            if (const auto value = parse_number<std::uint64_t>(std::string_view(line).substr(space + 1)))
                all[line.substr(0, space)] = *value;
        }
        return all;
    }

private:
    std::string path_;
};

std::optional<std::uint64_t> at(const Numbers& numbers, const std::string& key) {
    const auto found = numbers.find(key);
    return found == numbers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint64_t> scaled(std::optional<std::uint64_t> number, std::uint64_t factor) {
    return number ? std::optional(*number * factor) : std::nullopt;
}

// On v2 every cgroup counts its time, whatever its controllers.
Files cpu_files(const CgroupPlace& place) { return {place, place.unified() ? "" : "cpu"}; }

// v1: whether a limit has been hit. That is what `failcnt` counts, but newer kernels leave it at 0: so also whether
// what was used came so near to it that the least there is to be had did not fit (a process is killed for 8 pages at
// most).
bool was_full(const Files& memory, const std::string& prefix) {
    constexpr std::uint64_t least = 64 * 1024;
    const auto limit = memory.number(prefix + "limit_in_bytes");
    const auto most = memory.number(prefix + "max_usage_in_bytes");
    return memory.number_or_0(prefix + "failcnt") > 0 || (limit && most && *most >= *limit - std::min(*limit, least));
}

void memory_verdict(const CgroupPlace& place, ResourceVerdict& verdict) {
    const Files memory(place, "memory");
    if (!memory) return;
    verdict.oom_kills = oom_kills(place);
    if (place.unified()) {
        // An event is counted where the limit is, and in all cgroups above; here only the first is of interest.
        verdict.own_memory_limit =
            verdict.oom_kills > 0 && at(memory.numbers("memory.events.local"), "oom").value_or(0) > 0;
        verdict.memory_peak = memory.number("memory.peak");
        verdict.memory_limit = memory.number("memory.max");
    } else {
        verdict.own_memory_limit =
            verdict.oom_kills > 0 && (was_full(memory, "memory.") || was_full(memory, "memory.memsw."));
        verdict.memory_peak = memory.number("memory.max_usage_in_bytes");
        verdict.memory_limit = memory.number("memory.limit_in_bytes");
    }
    // v1's "no limit" is the largest number of whole pages.
    if (verdict.memory_limit.value_or(0) > INT64_MAX / 2) verdict.memory_limit.reset();
}

Ordered cpu_statistics(const CgroupPlace& place) {
    const auto stat = cpu_files(place).numbers("cpu.stat");
    Ordered usage, throttling;
    if (place.unified()) {
        usage = {{"total", scaled(at(stat, "usage_usec"), 1000).value_or(0)},
                 {"kernel", scaled(at(stat, "system_usec"), 1000).value_or(0)},
                 {"user", scaled(at(stat, "user_usec"), 1000).value_or(0)}};
    } else {
        const Files accounting(place, "cpuacct");
        usage["total"] = accounting.number_or_0("cpuacct.usage");
        for (const auto& one : split(accounting.text("cpuacct.usage_percpu"), ' '))
            if (const auto number = parse_number<std::uint64_t>(one)) usage["percpu"].push_back(*number);
        usage["kernel"] = accounting.number_or_0("cpuacct.usage_sys");
        usage["user"] = accounting.number_or_0("cpuacct.usage_user");
    }
    throttling["periods"] = at(stat, "nr_periods").value_or(0);
    throttling["throttledPeriods"] = at(stat, "nr_throttled").value_or(0);
    throttling["throttledTime"] =
        place.unified() ? scaled(at(stat, "throttled_usec"), 1000).value_or(0) : at(stat, "throttled_time").value_or(0);
    return {{"usage", usage}, {"throttling", throttling}};
}

Ordered counter(std::uint64_t limit, std::uint64_t usage, std::uint64_t most, std::uint64_t failures) {
    return {{"limit", limit}, {"usage", usage}, {"max", most}, {"failcnt", failures}};
}

Ordered memory_statistics(const CgroupPlace& place) {
    const Files memory(place, "memory");
    const auto stat = memory.numbers("memory.stat");
    Ordered json;
    if (place.unified()) {
        const auto events = memory.numbers("memory.events");
        const auto usage = memory.number_or_0("memory.current"), swap = memory.number_or_0("memory.swap.current");
        json["cache"] = at(stat, "file").value_or(0);
        json["usage"] = counter(memory.number("memory.max").value_or(UINT64_MAX), usage,
                                memory.number_or_0("memory.peak"), at(events, "max").value_or(0));
        const auto swap_limit = memory.number("memory.swap.max").value_or(0);
        json["swap"] = counter(swap_limit, swap, memory.number_or_0("memory.swap.peak"), 0);
    } else {
        const auto of = [&](const std::string& name) {
            return counter(memory.number_or_0(cat("memory.", name, "limit_in_bytes")),
                           memory.number_or_0(cat("memory.", name, "usage_in_bytes")),
                           memory.number_or_0(cat("memory.", name, "max_usage_in_bytes")),
                           memory.number_or_0(cat("memory.", name, "failcnt")));
        };
        json["cache"] = at(stat, "cache").value_or(0);
        json["usage"] = of("");
        json["swap"] = of("memsw.");
        json["kernel"] = of("kmem.");
        json["kernelTCP"] = of("kmem.tcp.");
    }
    json["raw"] = stat;
    return json;
}

// v1: "8:0 Read 4096"; the line "Total 4096" at the end has no device.
Ordered block_io_v1(const Files& io, std::string_view file) {
    Ordered list = Ordered::array();
    for (const auto& line : split(io.text(file), '\n')) {
        const auto fields = split(line, ' ');
        const auto device = split(fields[0], ':');
        if (fields.size() != 3 || device.size() != 2) continue;
        list.push_back(Ordered{{"major", parse_number<std::uint64_t>(device[0]).value_or(0)},
                               {"minor", parse_number<std::uint64_t>(device[1]).value_or(0)},
                               {"op", fields[1]},
                               {"value", parse_number<std::uint64_t>(fields[2]).value_or(0)}});
    }
    return list;
}

// v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6".
void block_io_v2(const Files& io, Ordered& bytes, Ordered& operations) {
    for (const auto& line : split(io.text("io.stat"), '\n')) {
        const auto fields = split(line, ' ');
        const auto device = split(fields[0], ':');
        if (device.size() != 2) continue;
        for (const auto& field : fields) {
            const auto equals = field.find('=');
            const auto key = field.substr(0, equals);
            if (equals == std::string::npos || (!key.ends_with("bytes") && !key.ends_with("ios"))) continue;
            const char* word = key[0] == 'r' ? "Read" : key[0] == 'w' ? "Write" : "Discard";
            (key.ends_with("bytes") ? bytes : operations)
                .push_back(Ordered{{"major", parse_number<std::uint64_t>(device[0]).value_or(0)},
                                   {"minor", parse_number<std::uint64_t>(device[1]).value_or(0)},
                                   {"op", word},
                                   {"value", parse_number<std::uint64_t>(field.substr(equals + 1)).value_or(0)}});
        }
    }
}

Ordered block_io_statistics(const CgroupPlace& place) {
    Ordered bytes = Ordered::array(), operations = Ordered::array();
    if (place.unified()) {
        block_io_v2(Files(place, "io"), bytes, operations);
    } else {
        const Files io(place, "blkio");
        bytes = block_io_v1(io, "blkio.throttle.io_service_bytes_recursive");
        operations = block_io_v1(io, "blkio.throttle.io_serviced_recursive");
    }
    return {{"ioServiceBytesRecursive", bytes}, {"ioServicedRecursive", operations}};
}

void block_io_verdict(const CgroupPlace& place, ResourceVerdict& verdict) {
    if (!Files(place, place.unified() ? "io" : "blkio")) return;
    std::uint64_t read = 0, written = 0;
    const auto statistics = block_io_statistics(place);
    for (const auto& one : statistics.at("ioServiceBytesRecursive")) {
        if (one["op"] == "Read") read += one["value"].get<std::uint64_t>();
        if (one["op"] == "Write") written += one["value"].get<std::uint64_t>();
    }
    verdict.read_bytes = read;
    verdict.written_bytes = written;
}

Ordered pids_statistics(const CgroupPlace& place) {
    const Files pids(place, "pids");
    const auto limit = pids.number("pids.max").value_or(0);
    return {{"current", pids.number_or_0("pids.current")}, {"limit", limit == UINT64_MAX ? 0 : limit}};
}

}  // namespace

std::uint64_t oom_kills(const CgroupPlace& place) {
    const Files memory(place, "memory");
    if (!memory) return 0;
    return at(memory.numbers(place.unified() ? "memory.events" : "memory.oom_control"), "oom_kill").value_or(0);
}

std::optional<std::uint64_t> memory_usage(const CgroupPlace& place) {
    return Files(place, "memory").number(place.unified() ? "memory.current" : "memory.usage_in_bytes");
}

std::optional<std::uint64_t> cpu_time(const CgroupPlace& place) {
    if (place.unified()) return scaled(at(cpu_files(place).numbers("cpu.stat"), "usage_usec"), 1000);
    return Files(place, "cpuacct").number("cpuacct.usage");
}

std::optional<std::uint64_t> anonymous_memory(const CgroupPlace& place) {
    return at(Files(place, "memory").numbers("memory.stat"), place.unified() ? "anon" : "total_rss");
}

void leave_out_cpu_time(ResourceVerdict& verdict, const ResourceVerdict& before) {
    const auto subtract = [](std::optional<std::uint64_t>& from, const std::optional<std::uint64_t>& what) {
        if (from && what) *from -= std::min(*from, *what);
    };
    subtract(verdict.cpu_nanoseconds, before.cpu_nanoseconds);
    subtract(verdict.user_nanoseconds, before.user_nanoseconds);
    subtract(verdict.system_nanoseconds, before.system_nanoseconds);
}

ResourceVerdict cgroup_verdict(const CgroupPlace& place) {
    ResourceVerdict verdict;
    memory_verdict(place, verdict);
    const auto stat = cpu_files(place).numbers("cpu.stat");
    verdict.throttled_periods = at(stat, "nr_throttled");
    if (place.unified()) {
        verdict.cpu_nanoseconds = scaled(at(stat, "usage_usec"), 1000);
        verdict.user_nanoseconds = scaled(at(stat, "user_usec"), 1000);
        verdict.system_nanoseconds = scaled(at(stat, "system_usec"), 1000);
        verdict.throttled_nanoseconds = scaled(at(stat, "throttled_usec"), 1000);
    } else {
        const Files accounts(place, "cpuacct");
        verdict.cpu_nanoseconds = accounts.number("cpuacct.usage");
        verdict.user_nanoseconds = accounts.number("cpuacct.usage_user");
        verdict.system_nanoseconds = accounts.number("cpuacct.usage_sys");
        verdict.throttled_nanoseconds = at(stat, "throttled_time");
    }
    const Files pids(place, "pids");
    verdict.pids_peak = pids.number("pids.peak");
    verdict.pids_refused = at(pids.numbers("pids.events"), "max");
    block_io_verdict(place, verdict);
    return verdict;
}

Ordered cgroup_statistics(const CgroupPlace& place) {
    return {{"cpu", cpu_statistics(place)},   {"memory", memory_statistics(place)},
            {"pids", pids_statistics(place)}, {"blkio", block_io_statistics(place)},
            {"hugetlb", Ordered::object()},   {"intel_rdt", Ordered::object()},
            {"network_interfaces", nullptr}};
}

}  // namespace minirun
