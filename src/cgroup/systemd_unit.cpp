#include "cgroup/systemd_unit.hpp"

#include "base/text.hpp"
#include "cgroup/settings.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Of the names of units (systemd.unit(5)); "@" and "\" have a meaning of their own there.
bool is_unit_word(std::string_view text) {
    return !text.empty() && text.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                ":-_.\\@") == std::string_view::npos;
}

std::string limit(std::int64_t number) { return number < 0 ? "infinity" : cat(number); }

void add_memory(const MemoryResources& memory, std::vector<std::string>& to) {
    const auto most = memory.limit.value_or(0), swap = memory.swap.value_or(0);
    if (most != 0) to.push_back(cat("MemoryMax=", limit(most)));
    if (memory.reservation.value_or(0) != 0) to.push_back(cat("MemoryLow=", limit(*memory.reservation)));
    if (swap < 0) to.emplace_back("MemorySwapMax=infinity");
    if (swap > 0 && most > 0 && swap >= most) to.push_back(cat("MemorySwapMax=", swap - most));
}

// A second of quota for each second: systemd divides by the period itself.
void add_cpu(const CpuResources& cpu, std::vector<std::string>& to) {
    if (cpu.shares.value_or(0) != 0) to.push_back(cat("CPUWeight=", cpu_weight(*cpu.shares)));
    const auto quota = cpu.quota.value_or(0);
    const auto period = static_cast<std::int64_t>(cpu.period.value_or(0) == 0 ? 100000 : *cpu.period);
    if (cpu.period.value_or(0) != 0) to.push_back(cat("CPUQuotaPeriodUSec=", *cpu.period));
    if (quota < 0) to.emplace_back("CPUQuotaPerSecUSec=infinity");
    if (quota > 0) {
        // systemd keeps hundredths of a per cent, and a rest would be lost: rounded up, as the quota is a least one.
        constexpr std::int64_t step = 10000;
        const auto per_second = quota * 1'000'000 / period;
        to.push_back(cat("CPUQuotaPerSecUSec=", (per_second + step - 1) / step * step));
    }
    if (!cpu.cpus.empty()) to.push_back(cat("AllowedCPUs=", cpu.cpus));
    if (!cpu.mems.empty()) to.push_back(cat("AllowedMemoryNodes=", cpu.mems));
}

}  // namespace

std::string slice_cgroup(std::string_view slice) {
    if (slice == "-.slice") return "";
    std::string path;
    const auto stem = slice.substr(0, slice.size() - std::string_view(".slice").size());
    for (auto dash = stem.find('-'); dash != std::string_view::npos; dash = stem.find('-', dash + 1))
        path += cat('/', stem.substr(0, dash), ".slice");
    return cat(path, '/', slice);
}

SystemdUnit systemd_unit(std::string_view cgroups_path, std::string_view id, std::string_view manager_cgroup) {
    const bool of_user = !manager_cgroup.empty();
    const auto parts =
        cgroups_path.empty() ? std::vector<std::string>{"", "minirun", std::string(id)} : split(cgroups_path, ':');
    const auto wrong = [&](std::string_view what) {
        return Error(ErrorKind::bad_input, cat(".linux.cgroupsPath: ", what, ", found ", quote(cgroups_path)),
                     "with the systemd manager it is SLICE:PREFIX:NAME, like system.slice:minirun:web");
    };
    if (parts.size() != 3) throw wrong("expected three words with ':' between them");
    auto slice = parts[0];
    if (slice.empty()) slice = of_user ? "user.slice" : "system.slice";
    const auto stem = slice.substr(0, slice.size() - std::min<std::size_t>(slice.size(), 6));
    const bool has_empty_part =
        stem != "-" && (stem.starts_with('-') || stem.ends_with('-') || stem.find("--") != std::string::npos);
    if (!is_unit_word(slice) || !slice.ends_with(".slice") || stem.empty() || has_empty_part)
        throw wrong("the first word is no slice of systemd");
    if (!is_unit_word(parts[2]) || (!parts[1].empty() && !is_unit_word(parts[1])))
        throw wrong("the name is none for a unit of systemd");
    const auto name =
        parts[2].ends_with(".scope") ? parts[2] : cat(parts[1], parts[1].empty() ? "" : "-", parts[2], ".scope");
    return {slice, name, cat(manager_cgroup, slice_cgroup(slice), '/', name)};
}

std::vector<std::string> systemd_limits(const Resources& resources) {
    std::vector<std::string> all;
    add_memory(resources.memory, all);
    add_cpu(resources.cpu, all);
    const auto pids = resources.pids_limit.value_or(0);
    if (pids != 0) all.push_back(cat("TasksMax=", limit(pids)));
    if (resources.block_io.weight.value_or(0) != 0)
        all.push_back(cat("IOWeight=", io_weight(*resources.block_io.weight)));
    return all;
}

std::vector<std::string> systemd_properties(const Resources& resources) {
    // Delegated: below it the cgroup is ours, and the container's if that runs a systemd.
    std::vector<std::string> all{"Delegate=yes", "DefaultDependencies=no", "CollectMode=inactive-or-failed"};
    for (auto& one : systemd_limits(resources)) all.push_back(std::move(one));
    return all;
}

}  // namespace minirun
