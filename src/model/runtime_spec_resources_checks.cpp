// What must hold for resources before anything is written to a cgroup. Ranges are the kernel's, whose answer to each
// of these would be a bare EINVAL or ERANGE; what depends on the host is found out when the settings are made.
#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "model/runtime_spec_resources.hpp"

namespace minirun {
namespace {

// Adds problems below one path.
class Checker {
public:
    Checker(std::string_view path, Problems& problems) : path_(path), problems_(problems) {}
    void add(std::string_view key, std::string_view what) const { problems_.add(cat(path_, key), what); }

    // -1 is "no limit".
    void at_least_minus_one(std::string_view key, const std::optional<std::int64_t>& number) const {
        if (number && *number < -1) add(key, cat("expected a limit, or -1 for none, found ", *number));
    }

private:
    std::string path_;
    Problems& problems_;
};

std::string at(std::string_view list, std::size_t index) { return cat(list, '[', index, ']'); }

void check_memory(const MemoryResources& memory, const Checker& to) {
    to.at_least_minus_one(".memory.limit", memory.limit);
    to.at_least_minus_one(".memory.reservation", memory.reservation);
    to.at_least_minus_one(".memory.swap", memory.swap);
    to.at_least_minus_one(".memory.kernel", memory.kernel);
    to.at_least_minus_one(".memory.kernelTCP", memory.kernel_tcp);
    const auto limit = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    if (limit > 0 && swap > 0 && swap < limit)
        to.add(".memory.swap", cat(swap, " is below the memory limit ", limit, ": it counts memory and swap together"));
    if (limit == -1 && swap > 0) to.add(".memory.swap", "needs a memory limit: it counts memory and swap together");
    if (memory.swappiness && *memory.swappiness > 100)
        to.add(".memory.swappiness", cat(*memory.swappiness, " is not from 0 to 100"));
}

// "0-3,7": what the kernel calls a list.
bool is_list(std::string_view text) {
    for (const auto& part : split(text, ',')) {
        const auto dash = part.find('-');
        const auto first = parse_number<unsigned>(std::string_view(part).substr(0, dash));
        const auto last =
            dash == std::string::npos ? first : parse_number<unsigned>(std::string_view(part).substr(dash + 1));
        if (!first || !last || *first > *last) return false;
    }
    return true;
}

void check_period(std::string_view key, const std::optional<std::uint64_t>& period, const Checker& to) {
    if (period && *period != 0 && (*period < 1000 || *period > 1'000'000))
        to.add(key, cat(*period, " microseconds are not from 1000 to 1000000"));
}

void check_cpu(const CpuResources& cpu, const Checker& to) {
    if (cpu.quota && *cpu.quota > 0 && *cpu.quota < 1000)
        to.add(".cpu.quota", cat(*cpu.quota, " microseconds are below the kernel's least quota of 1000"));
    to.at_least_minus_one(".cpu.quota", cpu.quota);
    check_period(".cpu.period", cpu.period, to);
    if (cpu.burst && cpu.quota && *cpu.quota > 0 && *cpu.burst > static_cast<std::uint64_t>(*cpu.quota))
        to.add(".cpu.burst", cat(*cpu.burst, " is over the quota ", *cpu.quota));
    to.at_least_minus_one(".cpu.realtimeRuntime", cpu.realtime_runtime);
    const auto runtime = cpu.realtime_runtime.value_or(0);
    if (cpu.realtime_period.value_or(0) > 0 && runtime > 0 &&
        static_cast<std::uint64_t>(runtime) > *cpu.realtime_period)
        to.add(".cpu.realtimeRuntime", cat(runtime, " is over the period ", *cpu.realtime_period));
    if (!cpu.cpus.empty() && !is_list(cpu.cpus))
        to.add(".cpu.cpus", cat("expected numbers and ranges like 0-3,7, found ", quote(cpu.cpus)));
    if (!cpu.mems.empty() && !is_list(cpu.mems))
        to.add(".cpu.mems", cat("expected numbers and ranges like 0-3,7, found ", quote(cpu.mems)));
    if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1) to.add(".cpu.idle", cat("expected 0 or 1, found ", *cpu.idle));
}

// 0 is "as it is".
void check_weight(std::string_view key, const std::optional<std::uint16_t>& weight, const Checker& to) {
    if (weight && *weight != 0 && (*weight < 10 || *weight > 1000))
        to.add(key, cat(*weight, " is not from 10 to 1000"));
}

void check_block_io(const BlockIoResources& io, const Checker& to) {
    check_weight(".blockIO.weight", io.weight, to);
    check_weight(".blockIO.leafWeight", io.leaf_weight, to);
    for (std::size_t i = 0; i < io.weight_devices.size(); i++) {
        const auto path = at(".blockIO.weightDevice", i);
        check_weight(cat(path, ".weight"), io.weight_devices[i].weight, to);
        check_weight(cat(path, ".leafWeight"), io.weight_devices[i].leaf_weight, to);
        if (!io.weight_devices[i].weight && !io.weight_devices[i].leaf_weight)
            to.add(path, "expected a weight or a leafWeight");
    }
}

// "2MB": the kernel's spelling, which is part of the file's name.
bool is_page_size(std::string_view text) {
    if (text.size() < 3 || text[0] == '0') return false;
    const auto unit = text.substr(text.size() - 2);
    return (unit == "KB" || unit == "MB" || unit == "GB") &&
           parse_number<unsigned>(text.substr(0, text.size() - 2)).has_value();
}

void check_hugepages(const std::vector<HugepageLimit>& limits, const Checker& to) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < limits.size(); i++) {
        const auto& size = limits[i].page_size;
        const auto path = cat(at(".hugepageLimits", i), ".pageSize");
        if (!is_page_size(size))
            to.add(path, cat("expected a size like 64KB, 2MB or 1GB, found ", quote(size)));
        else if (!seen.insert(size).second)
            to.add(path, cat(size, " is there twice"));
    }
}

// Both become part of a line that the kernel reads word by word.
bool is_one_word(std::string_view name) {
    return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
        return c == '/' || static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    });
}

void check_names(const Resources& resources, const Checker& to) {
    const auto& priorities = resources.network.priorities;
    for (std::size_t i = 0; i < priorities.size(); i++)
        if (!is_one_word(priorities[i].name) || priorities[i].name.size() > 15)
            to.add(cat(at(".network.priorities", i), ".name"),
                   cat("expected the name of an interface, found ", quote(priorities[i].name)));
    for (const auto& [device, limit] : resources.rdma) {
        const auto path = cat(".rdma.", printable(device));
        if (!is_one_word(device)) to.add(path, "no name of a device");
        if (!limit.hca_handles && !limit.hca_objects) to.add(path, "expected hcaHandles or hcaObjects");
    }
    for (const auto& entry : resources.unified) {
        const auto dot = entry.first.find('.');
        if (!is_one_word(entry.first) || dot == 0 || dot == std::string::npos)
            to.add(cat(".unified.", printable(entry.first)),
                   "expected the name of a file of a cgroup, like memory.high");
    }
}

void check_device_rules(const std::vector<DeviceRule>& rules, const Checker& to) {
    for (std::size_t i = 0; i < rules.size(); i++) {
        const auto path = at(".devices", i);
        if (rules[i].type != 'a' && rules[i].type != 'b' && rules[i].type != 'c')
            to.add(cat(path, ".type"),
                   cat("unknown device type ", quote({&rules[i].type, 1}), ": a, b and c are known"));
        if (rules[i].access.empty() || rules[i].access.find_first_not_of("rwm") != std::string::npos)
            to.add(cat(path, ".access"), cat("expected letters of rwm, found ", quote(rules[i].access)));
    }
}

}  // namespace

void check_resources(const Resources& resources, std::string_view path, Problems& problems) {
    const Checker to(path, problems);
    check_device_rules(resources.devices, to);
    check_memory(resources.memory, to);
    check_cpu(resources.cpu, to);
    to.at_least_minus_one(".pids.limit", resources.pids_limit);
    check_block_io(resources.block_io, to);
    check_hugepages(resources.hugepages, to);
    check_names(resources, to);
}

}  // namespace minirun
