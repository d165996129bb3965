#include "cgroup/settings.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "cgroup/setting_list.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::string limit_text(std::int64_t limit) { return limit < 0 ? "max" : cat(limit); }

// Engines write 0 for what they leave as it is.
template <class Number>
bool is_set(const std::optional<Number>& number) {
    return number.value_or(0) != 0;
}

// cgroup v1 counts memory and swap together, v2 swap alone.
void set_memory_v2(const MemoryResources& memory, const CurrentLimits& current, SettingList& to) {
    const auto limit = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    const auto counted = limit != 0 ? limit : current.memory.value_or(0);
    const bool fresh = !current.memory_swap;  // a new cgroup has no limit to take away
    if (swap < 0 || (swap == 0 && limit == -1)) {
        if (!fresh) to.add("memory", "memory.swap.max", "max", ".memory.swap");
    } else if (swap > 0 && counted <= 0) {
        to.problem(".memory.swap", "needs a memory limit: it counts memory and swap together");
    } else if (swap > 0 && swap < counted) {
        to.problem(".memory.swap", cat(swap, " is below the memory limit ", counted));
    } else if (swap > 0) {
        to.add("memory", "memory.swap.max", cat(swap - counted), ".memory.swap");
    }
    if (limit != 0) to.add("memory", "memory.max", limit_text(limit), ".memory.limit");
    if (is_set(memory.reservation))
        to.add("memory", "memory.low", limit_text(*memory.reservation), ".memory.reservation");
    if (memory.swappiness)
        to.notice(".memory.swappiness", "is not known to cgroup v2, where the host's vm.swappiness counts");
    if (memory.disable_oom_killer.value_or(false))
        to.notice(".memory.disableOOMKiller", "is not known to cgroup v2: the OOM killer stays");
    if (memory.kernel.value_or(0) > 0)
        to.notice(".memory.kernel", "is not known to cgroup v2, whose memory limit counts the kernel's memory too");
    if (memory.kernel_tcp.value_or(0) > 0)
        to.notice(".memory.kernelTCP", "is not known to cgroup v2, whose memory limit counts it too");
}

// The kernel holds limit <= limit with swap at any moment, so the one that makes room comes first.
void set_memory_v1(const MemoryResources& memory, const CurrentLimits& current, SettingList& to) {
    const auto limit = memory.limit.value_or(0);
    const auto swap = memory.swap.value_or(limit == -1 ? -1 : 0);
    const auto grows = swap < 0 || swap > current.memory_swap.value_or(INT64_MAX);
    const auto add_swap = [&] {
        if (swap > 0 || (swap < 0 && current.memory_swap))
            to.add("memory", "memory.memsw.limit_in_bytes", cat(swap), ".memory.swap");
    };
    if (grows && current.memory_swap) add_swap();
    if (limit != 0) to.add("memory", "memory.limit_in_bytes", cat(limit), ".memory.limit");
    if (!(grows && current.memory_swap)) add_swap();
    if (is_set(memory.reservation))
        to.add("memory", "memory.soft_limit_in_bytes", cat(*memory.reservation), ".memory.reservation");
    if (memory.swappiness) to.add("memory", "memory.swappiness", cat(*memory.swappiness), ".memory.swappiness");
    if (memory.disable_oom_killer.value_or(false))
        to.add("memory", "memory.oom_control", "1", ".memory.disableOOMKiller");
    if (memory.kernel.value_or(0) > 0)
        to.notice(".memory.kernel", "is not kept by newer kernels: the memory limit counts the kernel's memory too");
    if (is_set(memory.kernel_tcp))
        to.add("memory", "memory.kmem.tcp.limit_in_bytes", cat(*memory.kernel_tcp), ".memory.kernelTCP");
}

void set_cpu_v2(const CpuResources& cpu, const CurrentLimits& current, SettingList& to) {
    // An idle cgroup has no weight: the kernel refuses one then.
    if (cpu.idle == 0) to.add("cpu", "cpu.idle", "0", ".cpu.idle");
    if (is_set(cpu.shares) && cpu.idle != 1) to.add("cpu", "cpu.weight", cat(cpu_weight(*cpu.shares)), ".cpu.shares");
    if (is_set(cpu.quota) || is_set(cpu.period)) {
        const auto quota = is_set(cpu.quota) ? *cpu.quota : current.cpu_quota.value_or(-1);
        const auto period = is_set(cpu.period) ? *cpu.period : current.cpu_period.value_or(100000);
        to.add("cpu", "cpu.max", cat(limit_text(quota), ' ', period), is_set(cpu.quota) ? ".cpu.quota" : ".cpu.period");
    }
    if (cpu.burst) to.add("cpu", "cpu.max.burst", cat(*cpu.burst), ".cpu.burst");
    if (cpu.idle == 1) to.add("cpu", "cpu.idle", "1", ".cpu.idle");
    if (is_set(cpu.realtime_runtime)) to.problem(".cpu.realtimeRuntime", "is not known to cgroup v2");
    if (is_set(cpu.realtime_period)) to.problem(".cpu.realtimePeriod", "is not known to cgroup v2");
}

void set_cpu_v1(const CpuResources& cpu, SettingList& to) {
    if (cpu.idle == 0) to.add("cpu", "cpu.idle", "0", ".cpu.idle");
    if (is_set(cpu.shares) && cpu.idle != 1) to.add("cpu", "cpu.shares", cat(*cpu.shares), ".cpu.shares");
    // The period before the quota: a quota that fits the new period only is refused with the old one. A burst that was
    // there must fit, too.
    if (is_set(cpu.period)) to.add("cpu", "cpu.cfs_period_us", cat(*cpu.period), ".cpu.period");
    if (is_set(cpu.quota)) to.add("cpu", "cpu.cfs_quota_us", cat(*cpu.quota), ".cpu.quota");
    if (cpu.burst) to.add("cpu", "cpu.cfs_burst_us", cat(*cpu.burst), ".cpu.burst");
    if (is_set(cpu.realtime_period))
        to.add("cpu", "cpu.rt_period_us", cat(*cpu.realtime_period), ".cpu.realtimePeriod");
    if (is_set(cpu.realtime_runtime))
        to.add("cpu", "cpu.rt_runtime_us", cat(*cpu.realtime_runtime), ".cpu.realtimeRuntime");
    if (cpu.idle == 1) to.add("cpu", "cpu.idle", "1", ".cpu.idle");
}

void set_cpuset(const CpuResources& cpu, SettingList& to) {
    if (!cpu.cpus.empty()) to.add("cpuset", "cpuset.cpus", cpu.cpus, ".cpu.cpus");
    if (!cpu.mems.empty()) to.add("cpuset", "cpuset.mems", cpu.mems, ".cpu.mems");
}

void set_io_weights(const BlockIoResources& io, bool v2, bool bfq, SettingList& to) {
    const std::string controller = v2 ? "io" : "blkio";
    const auto file = cat(controller, bfq ? ".bfq.weight" : ".weight");
    const auto scaled = [&](std::uint64_t weight) { return v2 && !bfq ? io_weight(weight) : weight; };
    if (is_set(io.weight)) to.add(controller, file, cat(scaled(*io.weight)), ".blockIO.weight");
    if (is_set(io.leaf_weight) && v2) to.notice(".blockIO.leafWeight", "is not known to cgroup v2");
    if (is_set(io.leaf_weight) && !v2)
        to.add(controller, "blkio.leaf_weight", cat(*io.leaf_weight), ".blockIO.leafWeight");
    for (std::size_t i = 0; i < io.weight_devices.size(); i++) {
        const auto& one = io.weight_devices[i];
        const auto key = cat(".blockIO.weightDevice[", i, ']');
        // Of v1, only the scheduler CFQ, which is gone, and BFQ have had it; each in a file of its own.
        const auto device_file = v2 ? file : bfq ? "blkio.bfq.weight_device" : "blkio.weight_device";
        if (is_set(one.weight))
            to.add(controller, device_file, cat(one.major, ':', one.minor, ' ', scaled(*one.weight)),
                   cat(key, ".weight"));
        if (is_set(one.leaf_weight) && !v2)
            to.add(controller, "blkio.leaf_weight_device", cat(one.major, ':', one.minor, ' ', *one.leaf_weight),
                   cat(key, ".leafWeight"));
    }
}

void set_io_throttles(const BlockIoResources& io, bool v2, SettingList& to) {
    const struct {
        const std::vector<ThrottleDevice>& devices;
        const char *v1_file, *v2_word, *key;
    } rows[] = {
        {io.read_bps, "blkio.throttle.read_bps_device", "rbps", ".blockIO.throttleReadBpsDevice"},
        {io.write_bps, "blkio.throttle.write_bps_device", "wbps", ".blockIO.throttleWriteBpsDevice"},
        {io.read_iops, "blkio.throttle.read_iops_device", "riops", ".blockIO.throttleReadIOPSDevice"},
        {io.write_iops, "blkio.throttle.write_iops_device", "wiops", ".blockIO.throttleWriteIOPSDevice"},
    };
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.devices.size(); i++) {
            const auto& one = row.devices[i];
            const auto device = cat(one.major, ':', one.minor, ' ');
            // 0 takes a limit away: "max" to v2.
            const auto rate = v2 ? cat(row.v2_word, '=', one.rate == 0 ? "max" : cat(one.rate)) : cat(one.rate);
            to.add(v2 ? "io" : "blkio", v2 ? "io.max" : row.v1_file, device + rate, cat(row.key, '[', i, ']'));
        }
}

void set_hugepages(const std::vector<HugepageLimit>& limits, bool v2, SettingList& to) {
    for (std::size_t i = 0; i < limits.size(); i++) {
        const auto& one = limits[i];
        // What is used, and since Linux 5.7 what is reserved: without that a reservation over the limit is granted, and
        // SIGBUS ends the process when it touches the page that is too much.
        for (const auto* counted : {"", ".rsvd"})
            to.add("hugetlb", cat("hugetlb.", one.page_size, counted, v2 ? ".max" : ".limit_in_bytes"), cat(one.limit),
                   cat(".hugepageLimits[", i, ']'));
    }
}

void set_network(const NetworkResources& network, bool v2, SettingList& to) {
    if (is_set(network.class_id)) {
        if (v2)
            to.problem(".network.classID", "is not known to cgroup v2");
        else
            to.add("net_cls", "net_cls.classid", cat(*network.class_id), ".network.classID");
    }
    for (std::size_t i = 0; i < network.priorities.size(); i++) {
        const auto key = cat(".network.priorities[", i, ']');
        if (v2)
            to.problem(key, "is not known to cgroup v2");
        else
            to.add("net_prio", "net_prio.ifpriomap",
                   cat(network.priorities[i].name, ' ', network.priorities[i].priority), key);
    }
}

void set_rdma(const std::map<std::string, RdmaLimit>& limits, SettingList& to) {
    for (const auto& [device, limit] : limits) {
        auto value = device;
        if (limit.hca_handles) value += cat(" hca_handle=", *limit.hca_handles);
        if (limit.hca_objects) value += cat(" hca_object=", *limit.hca_objects);
        to.add("rdma", "rdma.max", value, cat(".rdma.", printable(device)));
    }
}

// A file may be written several times: "8:0 rbps=1\n8:16 rbps=2" are two lines, and the kernel takes one at a time.
void set_unified(const std::map<std::string, std::string>& files, bool v2, SettingList& to) {
    for (const auto& [file, value] : files) {
        const auto key = cat(".unified.", printable(file));
        if (!v2) {
            to.problem(key, "is for cgroup v2, and this host has v1");
            continue;
        }
        const auto controller = file.substr(0, file.find('.'));
        for (const auto& line : split(value, '\n'))
            if (!line.empty() || value.empty()) to.add(controller == "cgroup" ? "" : controller, file, line, key);
    }
}

}  // namespace

// From 2, 1024 and 262144 shares to 1, 100 and 10000, with a curve between them: the straight line that runtimes drew
// before gave the usual 1024 a weight of 39, less than a cgroup that was asked for nothing. Newer runc and crun agree.
std::uint64_t cpu_weight(std::uint64_t shares) {
    if (shares <= 2) return 1;
    if (shares >= 262144) return 10000;
    const double l = std::log2(static_cast<double>(shares));
    return static_cast<std::uint64_t>(std::ceil(std::pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0)));
}

std::uint64_t io_weight(std::uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

CgroupSettings cgroup_settings(const Resources& resources, const CgroupLayout& layout, const std::string& file,
                               const std::string& path, const CurrentLimits& current) {
    const bool v2 = layout.unified();
    SettingList to(layout, path);
    // The cpus before anything else: nothing can enter a cgroup of v1 that has none.
    set_cpuset(resources.cpu, to);
    v2 ? set_memory_v2(resources.memory, current, to) : set_memory_v1(resources.memory, current, to);
    v2 ? set_cpu_v2(resources.cpu, current, to) : set_cpu_v1(resources.cpu, to);
    if (resources.pids_limit.value_or(0) != 0)
        to.add("pids", "pids.max", limit_text(*resources.pids_limit), ".pids.limit");
    set_io_weights(resources.block_io, v2, layout.bfq_weight, to);
    set_io_throttles(resources.block_io, v2, to);
    set_hugepages(resources.hugepages, v2, to);
    set_network(resources.network, v2, to);
    set_rdma(resources.rdma, to);
    // Last: it is the more precise word where both say something.
    set_unified(resources.unified, v2, to);
    return to.finish(file);
}

}  // namespace minirun
