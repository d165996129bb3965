#include "model/runtime_spec_process.hpp"

#include "base/text.hpp"
#include "model/spec_reading.hpp"

namespace minirun {
namespace {

UserSpec read_user(const JsonView& view) {
    UserSpec user;
    if (!is_there(view)) return user;
    user.uid = u32_or(view["uid"], 0);
    user.gid = u32_or(view["gid"], 0);
    if (const auto umask = view["umask"]; umask.exists()) user.umask = u32_or(umask, 0);
    for (const auto& gid : view["additionalGids"].elements()) user.additional_gids.push_back(required_u32(gid));
    return user;
}

std::optional<ConsoleSize> read_console_size(const JsonView& view) {
    if (!is_there(view)) return std::nullopt;
    const auto cells = [](const JsonView& number) {
        return static_cast<std::uint16_t>(is_required(number) ? number.unsigned_integer(UINT16_MAX).value_or(0) : 0);
    };
    return ConsoleSize{cells(view["height"]), cells(view["width"])};
}

std::optional<CapabilitySpec> read_capabilities(const JsonView& view) {
    if (!is_there(view)) return std::nullopt;
    return CapabilitySpec{strings(view["bounding"]), strings(view["effective"]), strings(view["inheritable"]),
                          strings(view["permitted"]), strings(view["ambient"])};
}

std::vector<RlimitSpec> read_rlimits(const JsonView& view) {
    std::vector<RlimitSpec> limits;
    const auto limit = [](const JsonView& number) {
        return is_required(number) ? number.unsigned_integer().value_or(0) : 0;
    };
    for (const auto& one : objects(view))
        limits.push_back({required_string(one["type"]), limit(one["soft"]), limit(one["hard"])});
    return limits;
}

std::optional<SchedulerSpec> read_scheduler(const JsonView& view) {
    if (!is_there(view)) return std::nullopt;
    SchedulerSpec scheduler;
    scheduler.policy = required_string(view["policy"]);
    scheduler.nice = static_cast<std::int32_t>(view["nice"].integer().value_or(0));
    scheduler.priority = u32_or(view["priority"], 0);
    scheduler.flags = strings(view["flags"]);
    scheduler.runtime = view["runtime"].unsigned_integer().value_or(0);
    scheduler.deadline = view["deadline"].unsigned_integer().value_or(0);
    scheduler.period = view["period"].unsigned_integer().value_or(0);
    return scheduler;
}

std::optional<IoPrioritySpec> read_io_priority(const JsonView& view) {
    if (!is_there(view)) return std::nullopt;
    return IoPrioritySpec{required_string(view["class"]), static_cast<int>(view["priority"].integer().value_or(0))};
}

}  // namespace

ProcessSpec read_process(const JsonView& view) {
    ProcessSpec process;
    if (!is_required(view) || !is_there(view)) return process;
    process.terminal = view["terminal"].boolean_or(false);
    process.console_size = read_console_size(view["consoleSize"]);
    process.user = read_user(view["user"]);
    process.args = strings(view["args"]);
    process.env = strings(view["env"]);
    process.cwd = required_string(view["cwd"]);
    process.capabilities = read_capabilities(view["capabilities"]);
    process.rlimits = read_rlimits(view["rlimits"]);
    process.no_new_privileges = view["noNewPrivileges"].boolean_or(false);
    if (const auto score = view["oomScoreAdj"]; const auto number = score.integer()) {
        const bool fits = *number >= INT16_MIN && *number <= INT16_MAX;
        if (!fits) score.complain(cat(*number, " is not from -1000 to 1000"));
        process.oom_score_adj = fits ? static_cast<int>(*number) : 0;
    }
    process.scheduler = read_scheduler(view["scheduler"]);
    process.io_priority = read_io_priority(view["ioPriority"]);
    if (const auto affinity = view["execCPUAffinity"]; is_there(affinity))
        process.exec_cpu_affinity = CpuAffinitySpec{affinity["initial"].string_or(""), affinity["final"].string_or("")};
    process.apparmor_profile = view["apparmorProfile"].string_or("");
    process.selinux_label = view["selinuxLabel"].string_or("");
    return process;
}

}  // namespace minirun
