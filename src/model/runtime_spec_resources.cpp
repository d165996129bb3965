#include "model/runtime_spec_resources.hpp"

#include <limits>

#include "base/text.hpp"
#include "model/spec_reading.hpp"

namespace minirun {
namespace {

template <class Number>
std::optional<Number> small_number(const JsonView& view) {
    const auto number = view.unsigned_integer(std::numeric_limits<Number>::max());
    return number ? std::optional(static_cast<Number>(*number)) : std::nullopt;
}

std::uint64_t required_u64(const JsonView& view) { return is_required(view) ? view.unsigned_integer().value_or(0) : 0; }

MemoryResources read_memory(const JsonView& view) {
    MemoryResources memory;
    if (!is_there(view)) return memory;
    memory.limit = view["limit"].integer();
    memory.reservation = view["reservation"].integer();
    memory.swap = view["swap"].integer();
    memory.kernel = view["kernel"].integer();
    memory.kernel_tcp = view["kernelTCP"].integer();
    memory.swappiness = view["swappiness"].unsigned_integer();
    memory.disable_oom_killer = view["disableOOMKiller"].boolean();
    memory.use_hierarchy = view["useHierarchy"].boolean();
    memory.check_before_update = view["checkBeforeUpdate"].boolean();
    return memory;
}

CpuResources read_cpu(const JsonView& view) {
    CpuResources cpu;
    if (!is_there(view)) return cpu;
    cpu.shares = view["shares"].unsigned_integer();
    cpu.quota = view["quota"].integer();
    cpu.burst = view["burst"].unsigned_integer();
    cpu.period = view["period"].unsigned_integer();
    cpu.realtime_runtime = view["realtimeRuntime"].integer();
    cpu.realtime_period = view["realtimePeriod"].unsigned_integer();
    cpu.cpus = view["cpus"].string_or("");
    cpu.mems = view["mems"].string_or("");
    cpu.idle = view["idle"].integer();
    return cpu;
}

std::vector<ThrottleDevice> read_throttles(const JsonView& view) {
    std::vector<ThrottleDevice> all;
    for (const auto& one : objects(view))
        all.push_back({required_u32(one["major"]), required_u32(one["minor"]), required_u64(one["rate"])});
    return all;
}

BlockIoResources read_block_io(const JsonView& view) {
    BlockIoResources io;
    if (!is_there(view)) return io;
    io.weight = small_number<std::uint16_t>(view["weight"]);
    io.leaf_weight = small_number<std::uint16_t>(view["leafWeight"]);
    for (const auto& one : objects(view["weightDevice"]))
        io.weight_devices.push_back({required_u32(one["major"]), required_u32(one["minor"]),
                                     small_number<std::uint16_t>(one["weight"]),
                                     small_number<std::uint16_t>(one["leafWeight"])});
    io.read_bps = read_throttles(view["throttleReadBpsDevice"]);
    io.write_bps = read_throttles(view["throttleWriteBpsDevice"]);
    io.read_iops = read_throttles(view["throttleReadIOPSDevice"]);
    io.write_iops = read_throttles(view["throttleWriteIOPSDevice"]);
    return io;
}

NetworkResources read_network(const JsonView& view) {
    NetworkResources network;
    if (!is_there(view)) return network;
    network.class_id = small_number<std::uint32_t>(view["classID"]);
    for (const auto& one : objects(view["priorities"])) {
        const auto name = one["name"];
        network.priorities.push_back({is_required(name) ? name.string_or("") : "", required_u32(one["priority"])});
    }
    return network;
}

std::map<std::string, RdmaLimit> read_rdma(const JsonView& view) {
    std::map<std::string, RdmaLimit> all;
    for (const auto& [device, limit] : view.members())
        if (is_there(limit))
            all[device] = {small_number<std::uint32_t>(limit["hcaHandles"]),
                           small_number<std::uint32_t>(limit["hcaObjects"])};
    return all;
}

std::map<std::string, std::string> read_unified(const JsonView& view) {
    std::map<std::string, std::string> all;
    for (const auto& [file, value] : view.members()) {
        if (!value.exists()) value.complain("expected a string, found null");
        if (auto text = value.string()) all.emplace(file, std::move(*text));
    }
    return all;
}

// -1 is what engines write for "each".
std::optional<std::uint32_t> read_device_number(const JsonView& view) {
    if (const auto number = view.exists() && view.json().is_number_integer() ? view.integer() : std::nullopt;
        number == -1)
        return std::nullopt;
    return small_number<std::uint32_t>(view);
}

DeviceRule read_device_rule(const JsonView& view) {
    DeviceRule rule;
    rule.allow = is_required(view["allow"]) && view["allow"].boolean_or(false);
    const auto type = view["type"].string_or("");
    if (type.size() == 1)
        rule.type = type[0];
    else if (!type.empty())
        view["type"].complain(cat("unknown device type ", quote(type), ": a, b and c are known"));
    rule.major = read_device_number(view["major"]);
    rule.minor = read_device_number(view["minor"]);
    if (const auto access = view["access"].string_or(""); !access.empty()) rule.access = access;
    return rule;
}

}  // namespace

Resources read_resources(const JsonView& view) {
    Resources resources;
    if (!is_there(view)) return resources;
    for (const auto& rule : objects(view["devices"])) resources.devices.push_back(read_device_rule(rule));
    resources.memory = read_memory(view["memory"]);
    resources.cpu = read_cpu(view["cpu"]);
    if (const auto pids = view["pids"]; is_there(pids)) resources.pids_limit = pids["limit"].integer();
    resources.block_io = read_block_io(view["blockIO"]);
    for (const auto& one : objects(view["hugepageLimits"])) {
        const auto size = one["pageSize"];
        resources.hugepages.push_back({is_required(size) ? size.string_or("") : "", required_u64(one["limit"])});
    }
    resources.network = read_network(view["network"]);
    resources.rdma = read_rdma(view["rdma"]);
    resources.unified = read_unified(view["unified"]);
    return resources;
}

Resources parse_resources(std::string_view text, const std::string& file) {
    const auto document = parse_json(text, file);
    Problems problems(file);
    const JsonView root(document, problems);
    if (!root.exists()) root.complain("expected an object, found null");
    const auto resources = read_resources(root);
    // A check of what could not be read would only tell consequences.
    if (problems.empty()) check_resources(resources, "", problems);
    problems.throw_if_any();
    return resources;
}

}  // namespace minirun
