#include "model/runtime_spec_resources.hpp"

#include "base/json.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;  // keys in the order of the specification

template <class Value>
void put(Ordered& object, const char* key, const std::optional<Value>& value) {
    if (value) object[key] = *value;
}
template <class Value>
void put_unless_empty(Ordered& object, const char* key, const Value& value) {
    if (!value.empty()) object[key] = value;
}

Ordered rule_json(const DeviceRule& rule) {
    Ordered json{{"allow", rule.allow}, {"type", std::string(1, rule.type)}};
    put(json, "major", rule.major);
    put(json, "minor", rule.minor);
    json["access"] = rule.access;
    return json;
}

Ordered memory_json(const MemoryResources& memory) {
    Ordered json = Ordered::object();
    put(json, "limit", memory.limit);
    put(json, "reservation", memory.reservation);
    put(json, "swap", memory.swap);
    put(json, "kernel", memory.kernel);
    put(json, "kernelTCP", memory.kernel_tcp);
    put(json, "swappiness", memory.swappiness);
    put(json, "disableOOMKiller", memory.disable_oom_killer);
    put(json, "useHierarchy", memory.use_hierarchy);
    put(json, "checkBeforeUpdate", memory.check_before_update);
    return json;
}

Ordered cpu_json(const CpuResources& cpu) {
    Ordered json = Ordered::object();
    put(json, "shares", cpu.shares);
    put(json, "quota", cpu.quota);
    put(json, "burst", cpu.burst);
    put(json, "period", cpu.period);
    put(json, "realtimeRuntime", cpu.realtime_runtime);
    put(json, "realtimePeriod", cpu.realtime_period);
    put_unless_empty(json, "cpus", cpu.cpus);
    put_unless_empty(json, "mems", cpu.mems);
    put(json, "idle", cpu.idle);
    return json;
}

Ordered throttles_json(const std::vector<ThrottleDevice>& throttles) {
    Ordered json = Ordered::array();
    for (const auto& one : throttles)
        json.push_back(Ordered{{"major", one.major}, {"minor", one.minor}, {"rate", one.rate}});
    return json;
}

Ordered block_io_json(const BlockIoResources& io) {
    Ordered json = Ordered::object();
    put(json, "weight", io.weight);
    put(json, "leafWeight", io.leaf_weight);
    for (const auto& one : io.weight_devices) {
        Ordered device{{"major", one.major}, {"minor", one.minor}};
        put(device, "weight", one.weight);
        put(device, "leafWeight", one.leaf_weight);
        json["weightDevice"].push_back(std::move(device));
    }
    put_unless_empty(json, "throttleReadBpsDevice", throttles_json(io.read_bps));
    put_unless_empty(json, "throttleWriteBpsDevice", throttles_json(io.write_bps));
    put_unless_empty(json, "throttleReadIOPSDevice", throttles_json(io.read_iops));
    put_unless_empty(json, "throttleWriteIOPSDevice", throttles_json(io.write_iops));
    return json;
}

Ordered network_json(const NetworkResources& network) {
    Ordered json = Ordered::object();
    put(json, "classID", network.class_id);
    for (const auto& one : network.priorities)
        json["priorities"].push_back(Ordered{{"name", one.name}, {"priority", one.priority}});
    return json;
}

Ordered rdma_json(const std::map<std::string, RdmaLimit>& limits) {
    Ordered json = Ordered::object();
    for (const auto& [device, limit] : limits) {
        json[device] = Ordered::object();
        put(json[device], "hcaHandles", limit.hca_handles);
        put(json[device], "hcaObjects", limit.hca_objects);
    }
    return json;
}

}  // namespace

Ordered resources_json(const Resources& resources) {
    Ordered json = Ordered::object();
    for (const auto& rule : resources.devices) json["devices"].push_back(rule_json(rule));
    put_unless_empty(json, "memory", memory_json(resources.memory));
    put_unless_empty(json, "cpu", cpu_json(resources.cpu));
    if (resources.pids_limit) json["pids"] = Ordered{{"limit", *resources.pids_limit}};
    put_unless_empty(json, "blockIO", block_io_json(resources.block_io));
    for (const auto& one : resources.hugepages)
        json["hugepageLimits"].push_back(Ordered{{"pageSize", one.page_size}, {"limit", one.limit}});
    put_unless_empty(json, "network", network_json(resources.network));
    put_unless_empty(json, "rdma", rdma_json(resources.rdma));
    put_unless_empty(json, "unified", resources.unified);
    return json;
}

}  // namespace minirun
