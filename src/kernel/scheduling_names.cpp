// The names of scheduling and of memory policies, sets of CPUs and of memory nodes.
#include <algorithm>
#include <span>

#include "base/text.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

struct Row {
    std::string_view name;
    std::uint32_t number;
};

constexpr Row policies[] = {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},      {"SCHED_BATCH", 3},
                            {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};
constexpr Row flags[] = {{"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02},
                         {"SCHED_FLAG_DL_OVERRUN", 0x04},    {"SCHED_FLAG_KEEP_POLICY", 0x08},
                         {"SCHED_FLAG_KEEP_PARAMS", 0x10},   {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                         {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};
// The kernel's include/uapi/linux/mempolicy.h.
constexpr Row memory_modes[] = {{"MPOL_DEFAULT", 0},
                                {"MPOL_PREFERRED", 1},
                                {"MPOL_BIND", 2},
                                {"MPOL_INTERLEAVE", 3},
                                {"MPOL_LOCAL", 4},
                                {"MPOL_PREFERRED_MANY", 5},
                                {"MPOL_WEIGHTED_INTERLEAVE", 6}};
constexpr Row memory_flags[] = {
    {"MPOL_F_STATIC_NODES", 1 << 15}, {"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_NUMA_BALANCING", 1 << 13}};
constexpr Row classes[] = {
    {"IOPRIO_CLASS_NONE", 0}, {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};

std::optional<std::uint32_t> find(std::span<const Row> rows, std::string_view name) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.name == name; });
    return row == rows.end() ? std::nullopt : std::optional(row->number);
}

}  // namespace

std::optional<std::uint32_t> scheduler_policy(std::string_view name) { return find(policies, name); }

std::optional<std::uint64_t> scheduler_flag(std::string_view name) { return find(flags, name); }

std::optional<std::uint32_t> memory_policy_mode(std::string_view name) { return find(memory_modes, name); }

std::optional<std::uint32_t> memory_policy_flag(std::string_view name) { return find(memory_flags, name); }

std::optional<int> io_priority_class(std::string_view name) {
    const auto number = find(classes, name);
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::optional<std::vector<std::uint64_t>> cpu_set(std::string_view list) {
    constexpr unsigned most = 8192;  // CONFIG_NR_CPUS goes no higher
    std::vector<std::uint64_t> set;
    for (const std::string_view range : split(list, ',')) {
        const auto dash = range.find('-');
        const auto first = parse_number<unsigned>(range.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_number<unsigned>(range.substr(dash + 1));
        if (!first || !last || *first > *last || *last >= most) return std::nullopt;
        set.resize(std::max<std::size_t>(set.size(), *last / 64 + 1));
        for (auto cpu = *first; cpu <= *last; cpu++) set[cpu / 64] |= std::uint64_t{1} << cpu % 64;
    }
    return set;
}

}  // namespace minirun
