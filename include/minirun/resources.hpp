// What a container may use: config-linux.md "Control groups" of the OCI runtime specification as C++ structs.
//
// Numbers are as in the document, in its units and with its meaning, which is that of cgroup v1: what they become on
// a host with cgroup v2 is the cgroup's matter. An absent optional leaves a limit as it is, and so does 0 where the
// kernel has no use for it; -1 is "no limit".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace minirun {

/// config-linux.md "Memory". All sizes in bytes; `swap` is memory and swap together.
struct MemoryResources {
    std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;
    std::optional<std::uint64_t> swappiness;  ///< from 0 to 100
    std::optional<bool> disable_oom_killer, use_hierarchy;
    std::optional<bool> check_before_update;  ///< refuse a limit below what is used already
    bool operator==(const MemoryResources&) const = default;
};

/// config-linux.md "CPU". Times in microseconds.
struct CpuResources {
    std::optional<std::uint64_t> shares;
    std::optional<std::int64_t> quota;
    std::optional<std::uint64_t> burst, period;
    std::optional<std::int64_t> realtime_runtime;
    std::optional<std::uint64_t> realtime_period;
    std::string cpus, mems;            ///< "0-3,7"; empty: as they are
    std::optional<std::int64_t> idle;  ///< 1: only when nothing else wants to run (SCHED_IDLE)
    bool operator==(const CpuResources&) const = default;
};

/// config-linux.md "Block IO": a device and its weights.
struct WeightDevice {
    std::uint32_t major = 0, minor = 0;
    std::optional<std::uint16_t> weight, leaf_weight;
    bool operator==(const WeightDevice&) const = default;
};
/// config-linux.md "Block IO": bytes or operations a second.
struct ThrottleDevice {
    std::uint32_t major = 0, minor = 0;
    std::uint64_t rate = 0;
    bool operator==(const ThrottleDevice&) const = default;
};
/// config-linux.md "Block IO". Weights from 10 to 1000.
struct BlockIoResources {
    std::optional<std::uint16_t> weight, leaf_weight;
    std::vector<WeightDevice> weight_devices;
    std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
    bool operator==(const BlockIoResources&) const = default;
};

/// config-linux.md "Huge page limits": "2MB", "1GB", …
struct HugepageLimit {
    std::string page_size;
    std::uint64_t limit = 0;
    bool operator==(const HugepageLimit&) const = default;
};

/// config-linux.md "Network": of one interface of the host.
struct InterfacePriority {
    std::string name;
    std::uint32_t priority = 0;
    bool operator==(const InterfacePriority&) const = default;
};
/// config-linux.md "Network".
struct NetworkResources {
    std::optional<std::uint32_t> class_id;
    std::vector<InterfacePriority> priorities;
    bool operator==(const NetworkResources&) const = default;
};

/// config-linux.md "RDMA": of one device.
struct RdmaLimit {
    std::optional<std::uint32_t> hca_handles, hca_objects;
    bool operator==(const RdmaLimit&) const = default;
};

/// config-linux.md "Allowed Device list": a later rule wins over an earlier one.
struct DeviceRule {
    bool allow = false;
    char type = 'a';                            ///< 'c', 'b', or 'a' for both
    std::optional<std::uint32_t> major, minor;  ///< absent: each
    std::string access = "rwm";                 ///< of r(ead), w(rite), m(knod)
    bool operator==(const DeviceRule&) const = default;
};

/// config-linux.md "Control groups", .linux.resources.
struct Resources {
    std::vector<DeviceRule> devices;
    MemoryResources memory;
    CpuResources cpu;
    std::optional<std::int64_t> pids_limit;
    BlockIoResources block_io;
    std::vector<HugepageLimit> hugepages;
    NetworkResources network;
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;  ///< files of cgroup v2 as they are: "memory.high" -> "1000000"
    bool operator==(const Resources&) const = default;
};

}  // namespace minirun
