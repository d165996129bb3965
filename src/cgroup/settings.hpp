// Resources -> what is written to the files of a cgroup. A pure function: of the resources, the host's layout, and, for
// an update, of what is set already.
//
// The specification speaks cgroup v1. What its numbers become on v2 is what runc and crun make of them, so that a
// container is limited alike under each of the three.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/cgroup_layout.hpp"
#include "minirun/resources.hpp"

namespace minirun {

struct CgroupSetting {
    std::string controller;  ///< "memory"; "" for the files of v2's core
    std::string file;        ///< "memory.max"
    std::string value;
    std::string key;  ///< where it was asked for: ".memory.limit"
    bool operator==(const CgroupSetting&) const = default;
};

struct CgroupSettings {
    std::vector<CgroupSetting> list;   ///< in the order in which they have to be written
    std::vector<std::string> notices;  ///< what has no effect on this host, and why
    bool operator==(const CgroupSettings&) const = default;
};

/// What is set in a cgroup, as far as the order or the value of a new setting depends on it. -1: no limit.
struct CurrentLimits {
    std::optional<std::int64_t> memory, memory_swap;  ///< v1: memory + swap; v2: swap alone
    std::optional<std::int64_t> cpu_quota;
    std::optional<std::uint64_t> cpu_period;
};

/// Throws Error{unsupported} that names every limit whose controller the host lacks, Error{bad_input} for what cannot
/// be. `file` is what messages call the document, `path` where the resources are in it.
CgroupSettings cgroup_settings(const Resources& resources, const CgroupLayout& layout, const std::string& file,
                               const std::string& path, const CurrentLimits& current = {});

/// Of two numbers that mean the same: cgroup v1's shares (2 to 262144, 1024 is usual), v2's weight (1 to 10000, 100).
std::uint64_t cpu_weight(std::uint64_t shares);
/// Of block I/O: v1 from 10 to 1000, v2 from 1 to 10000.
std::uint64_t io_weight(std::uint64_t weight);

}  // namespace minirun
