#include "base/json.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec.hpp"
#include "model/runtime_spec_resources.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;  // keys in the order of the specification

// What the document does without is left out.
template <class Value>
void put_unless_empty(Ordered& object, const char* key, const Value& value) {
    if (!value.empty()) object[key] = value;
}

Ordered user_json(const UserSpec& user) {
    Ordered json{{"uid", user.uid}, {"gid", user.gid}};
    if (user.umask) json["umask"] = *user.umask;
    put_unless_empty(json, "additionalGids", user.additional_gids);
    return json;
}

// Empty sets are written: they are what the process gets.
Ordered capabilities_json(const CapabilitySpec& sets) {
    return {{"bounding", sets.bounding},
            {"effective", sets.effective},
            {"inheritable", sets.inheritable},
            {"permitted", sets.permitted},
            {"ambient", sets.ambient}};
}

Ordered scheduler_json(const SchedulerSpec& scheduler) {
    Ordered json{{"policy", scheduler.policy}};
    if (scheduler.nice != 0) json["nice"] = scheduler.nice;
    if (scheduler.priority != 0) json["priority"] = scheduler.priority;
    put_unless_empty(json, "flags", scheduler.flags);
    if (scheduler.runtime != 0) json["runtime"] = scheduler.runtime;
    if (scheduler.deadline != 0) json["deadline"] = scheduler.deadline;
    if (scheduler.period != 0) json["period"] = scheduler.period;
    return json;
}

Ordered process_json(const ProcessSpec& process) {
    Ordered json{{"terminal", process.terminal}};
    if (const auto& size = process.console_size)
        json["consoleSize"] = Ordered{{"height", size->height}, {"width", size->width}};
    json["user"] = user_json(process.user);
    json["args"] = process.args;
    put_unless_empty(json, "env", process.env);
    json["cwd"] = process.cwd;
    if (process.capabilities) json["capabilities"] = capabilities_json(*process.capabilities);
    for (const auto& limit : process.rlimits)
        json["rlimits"].push_back(Ordered{{"type", limit.type}, {"hard", limit.hard}, {"soft", limit.soft}});
    json["noNewPrivileges"] = process.no_new_privileges;
    put_unless_empty(json, "apparmorProfile", process.apparmor_profile);
    if (process.oom_score_adj) json["oomScoreAdj"] = *process.oom_score_adj;
    if (const auto& scheduler = process.scheduler) json["scheduler"] = scheduler_json(*scheduler);
    put_unless_empty(json, "selinuxLabel", process.selinux_label);
    if (const auto& io = process.io_priority)
        json["ioPriority"] = Ordered{{"class", io->io_class}, {"priority", io->priority}};
    if (const auto& affinity = process.exec_cpu_affinity)
        json["execCPUAffinity"] = Ordered{{"initial", affinity->initial}, {"final", affinity->final}};
    return json;
}

Ordered mapping_json(const IdMapping& mapping) {
    return {{"containerID", mapping.container_id}, {"hostID", mapping.host_id}, {"size", mapping.size}};
}

Ordered mount_json(const MountSpec& mount) {
    Ordered json{{"destination", mount.destination}};
    put_unless_empty(json, "type", mount.type);
    put_unless_empty(json, "source", mount.source);
    put_unless_empty(json, "options", mount.options);
    for (const auto& mapping : mount.uid_mappings) json["uidMappings"].push_back(mapping_json(mapping));
    for (const auto& mapping : mount.gid_mappings) json["gidMappings"].push_back(mapping_json(mapping));
    return json;
}

Ordered device_json(const DeviceSpec& device) {
    Ordered json{{"path", device.path}, {"type", std::string(1, device.type)}};
    if (device.type != 'p') {
        json["major"] = device.major;
        json["minor"] = device.minor;
    }
    json["fileMode"] = device.file_mode;
    json["uid"] = device.uid;
    json["gid"] = device.gid;
    return json;
}

Ordered namespace_json(const Namespace& one) {
    Ordered json{{"type", namespace_word(one.type)}};
    put_unless_empty(json, "path", one.path);
    return json;
}

Ordered offset_json(const TimeOffset& offset) { return {{"secs", offset.seconds}, {"nanosecs", offset.nanoseconds}}; }

Ordered linux_json(const LinuxSpec& spec) {
    Ordered json = Ordered::object();
    for (const auto& mapping : spec.uid_mappings) json["uidMappings"].push_back(mapping_json(mapping));
    for (const auto& mapping : spec.gid_mappings) json["gidMappings"].push_back(mapping_json(mapping));
    put_unless_empty(json, "sysctl", spec.sysctl);
    put_unless_empty(json, "resources", resources_json(spec.resources));
    put_unless_empty(json, "cgroupsPath", spec.cgroups_path);
    for (const auto& one : spec.namespaces) json["namespaces"].push_back(namespace_json(one));
    for (const auto& device : spec.devices) json["devices"].push_back(device_json(device));
    for (const auto& [device, name] : spec.net_devices) json["netDevices"][device] = Ordered{{"name", name}};
    if (const auto& policy = spec.memory_policy) {
        json["memoryPolicy"] = Ordered{{"mode", policy->mode}};
        put_unless_empty(json["memoryPolicy"], "nodes", policy->nodes);
        put_unless_empty(json["memoryPolicy"], "flags", policy->flags);
    }
    if (spec.seccomp) json["seccomp"] = parse_json(*spec.seccomp, "the seccomp profile");
    if (!spec.personality.empty()) json["personality"] = Ordered{{"domain", spec.personality}};
    put_unless_empty(json, "rootfsPropagation", spec.rootfs_propagation);
    put_unless_empty(json, "mountLabel", spec.mount_label);
    put_unless_empty(json, "maskedPaths", spec.masked_paths);
    put_unless_empty(json, "readonlyPaths", spec.readonly_paths);
    if (spec.monotonic_offset) json["timeOffsets"]["monotonic"] = offset_json(*spec.monotonic_offset);
    if (spec.boottime_offset) json["timeOffsets"]["boottime"] = offset_json(*spec.boottime_offset);
    return json;
}

Ordered hooks_json(const std::vector<Hook>& hooks) {
    Ordered list = Ordered::array();
    for (const auto& hook : hooks) {
        Ordered json{{"path", hook.path}};
        put_unless_empty(json, "args", hook.args);
        put_unless_empty(json, "env", hook.env);
        if (hook.timeout) json["timeout"] = *hook.timeout;
        list.push_back(std::move(json));
    }
    return list;
}

Ordered hook_spec_json(const HookSpec& hooks) {
    Ordered json = Ordered::object();
    put_unless_empty(json, "prestart", hooks_json(hooks.prestart));
    put_unless_empty(json, "createRuntime", hooks_json(hooks.create_runtime));
    put_unless_empty(json, "createContainer", hooks_json(hooks.create_container));
    put_unless_empty(json, "startContainer", hooks_json(hooks.start_container));
    put_unless_empty(json, "poststart", hooks_json(hooks.poststart));
    put_unless_empty(json, "poststop", hooks_json(hooks.poststop));
    return json;
}

}  // namespace

std::string runtime_spec_json(const ContainerSpec& spec) {
    Ordered json{{"ociVersion", spec.oci_version}};
    json["process"] = process_json(spec.process);
    json["root"] = Ordered{{"path", spec.root.path}, {"readonly", spec.root.readonly}};
    put_unless_empty(json, "hostname", spec.hostname);
    put_unless_empty(json, "domainname", spec.domainname);
    for (const auto& mount : spec.mounts) json["mounts"].push_back(mount_json(mount));
    put_unless_empty(json, "hooks", hook_spec_json(spec.hooks));
    put_unless_empty(json, "annotations", spec.annotations);
    json["linux"] = linux_json(spec.linux_);
    try {
        return json.dump(4) + "\n";
    } catch (const Ordered::type_error&) {
        // Linux has no encoding for arguments, variables and paths; JSON has only UTF-8.
        throw Error(ErrorKind::bad_input, "the container cannot be written as JSON: a string in it is not valid UTF-8",
                    "look at the command, the environment, the mounts and the annotations");
    }
}

}  // namespace minirun
