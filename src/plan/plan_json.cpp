// The plan as JSON. Each step's own fields are listed once, in fields().
#include <nlohmann/json.hpp>

#include "plan/describe.hpp"

namespace minirun {
namespace {

using Json = nlohmann::ordered_json;

std::string_view slot_name(Slot slot) {
    constexpr std::string_view names[] = {"none",     "host",  "root",   "dev",     "proc", "sys",
                                          "provided", "upper", "userns", "network", "ipc",  "uts"};
    return names[static_cast<unsigned>(slot)];
}

// Paths may be any bytes; JSON may not.
std::string utf8(std::string_view bytes) {
    const auto dumped = Json(std::string(bytes)).dump(-1, ' ', false, Json::error_handler_t::replace);
    return Json::parse(dumped).get<std::string>();
}

Json texts(std::span<const char* const> items) {
    Json list = Json::array();
    for (const auto* item : items) list.push_back(utf8(item));
    return list;
}

Json texts(const char* const* null_terminated) {
    std::size_t count = 0;
    while (null_terminated[count] != nullptr) count++;
    return texts(std::span(null_terminated, count));
}

Json options(std::span<const FsOption> list) {
    Json object = Json::array();
    for (const auto& option : list)
        object.push_back(option.value == nullptr ? utf8(option.key)
                                                 : utf8(std::string(option.key) + "=" + option.value));
    return object;
}

std::string text(std::span<const char> bytes) { return utf8({bytes.data(), bytes.size()}); }

Json target(const Target& at) { return {{"at", slot_name(at.at)}, {"path", utf8(at.path)}}; }

Json mappings(std::span<const IdMapping> list) {
    Json array = Json::array();
    for (const auto& one : list)
        array.push_back({{"containerID", one.container_id}, {"hostID", one.host_id}, {"size", one.size}});
    return array;
}

struct Fields {
    Json operator()(const op::MakeUserNamespace& s) const {
        return {{"uids", mappings(s.uids)}, {"gids", mappings(s.gids)}};
    }
    Json operator()(const op::MakeIdmap& s) const { return {{"uids", mappings(s.uids)}, {"gids", mappings(s.gids)}}; }
    Json operator()(const op::ClonePeer& s) const { return {{"source", utf8(s.source)}, {"recursive", s.recursive}}; }
    Json operator()(const op::MoveNetDevice& s) const { return {{"device", utf8(s.device)}, {"name", utf8(s.name)}}; }
    Json operator()(const op::StartPasta& s) const {
        Json ports = Json::array();
        for (const auto& one : s.ports) ports.push_back(port_text(one));
        return {{"argv", texts(s.argv)}, {"ports", std::move(ports)}};
    }
    Json operator()(const op::ConnectBridges& s) const {
        Json ends = Json::array(), ports = Json::array();
        for (const auto& one : s.ends)
            ends.push_back({{"network", utf8(one.network)},
                            {"interface", utf8(one.interface)},
                            {"addresses", utf8(one.addresses)},
                            {"input", text(one.input)}});
        for (const auto& one : s.ports) ports.push_back(port_text(one));
        return {{"ends", std::move(ends)}, {"ports", std::move(ports)}};
    }
    Json operator()(const op::BindIdmapped& s) const {
        return {{"source", utf8(s.source)}, {"mountpoint", utf8(s.mountpoint)}};
    }
    Json operator()(const op::CreateAs& s) const { return {{"uid", s.uid}, {"gid", s.gid}}; }
    Json operator()(const op::HostDirectory& s) const { return {{"path", utf8(s.path)}, {"mode", s.mode}}; }
    Json operator()(const op::HostFile& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::HostSymlink& s) const { return {{"path", utf8(s.path)}, {"target", utf8(s.target)}}; }
    Json operator()(const op::CopyLayer& s) const { return {{"source", utf8(s.source)}, {"path", utf8(s.path)}}; }
    Json operator()(const op::TimeNamespace& s) const {
        return {{"monotonic", s.monotonic_seconds}, {"boottime", s.boottime_seconds}};
    }
    Json operator()(const op::CloneProcess& s) const {
        Json fields{{"flags", s.flags}, {"inMemory", s.in_memory}};
        if (s.cgroup != nullptr) fields["cgroup"] = utf8(s.cgroup);
        return fields;
    }
    Json operator()(const op::StartScope& s) const { return {{"unit", utf8(s.unit)}, {"words", texts(s.words)}}; }
    Json operator()(const op::MakeCgroup& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::SetCgroup& s) const {
        return {{"path", utf8(s.path)}, {"value", text(s.value)}, {"key", utf8(s.key)}};
    }
    Json operator()(const op::DelegateCgroup& s) const { return {{"path", utf8(s.path)}, {"uid", s.uid}}; }
    Json operator()(const op::LimitDevices& s) const {
        return {{"cgroup", utf8(s.cgroup)}, {"instructions", s.program.size()}};
    }
    Json operator()(const op::EnterCgroup& s) const { return {{"tasks", utf8(s.tasks)}}; }
    Json operator()(const op::RecordProcess& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::KeepDirectory& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::JoinPidNamespace& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::OpenUserNamespace& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::RunHook& s) const {
        return {{"kind", s.kind},       {"path", utf8(s.path)}, {"argv", texts(s.argv)},
                {"env", texts(s.envp)}, {"timeout", s.timeout}, {"inside", s.namespaces != 0}};
    }
    Json operator()(const op::JoinNamespace& s) const { return {{"path", utf8(s.path)}, {"type", s.type}}; }
    Json operator()(const op::EnterDirectory& s) const { return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}}; }
    Json operator()(const op::SetPropagation& s) const { return {{"flags", s.flags}}; }
    Json operator()(const op::MountOverlay& s) const {
        Json fields{{"lower", texts(s.lower)},
                    {"options", options(s.options)},
                    {"attributes", s.attributes},
                    {"mountpoint", utf8(s.mountpoint)}};
        if (s.mount_data != nullptr) fields["mount_data"] = utf8(s.mount_data);
        return fields;
    }
    Json operator()(const op::BindRoot& s) const {
        return {{"source", utf8(s.source)}, {"mountpoint", utf8(s.mountpoint)}};
    }
    Json operator()(const op::MountFilesystem& s) const {
        Json fields{{"type", s.type},
                    {"source", utf8(s.source)},
                    {"options", options(s.options)},
                    {"attributes", s.attributes},
                    {"propagation", s.propagation},
                    {"target", target(s.target)},
                    {"keep_as", slot_name(s.keep_as)}};
        if (s.mount_data != nullptr) fields["mount_data"] = utf8(s.mount_data);
        return fields;
    }
    Json operator()(const op::BindMount& s) const {
        return {
            {"from", slot_name(s.from)}, {"source", utf8(s.source)},     {"recursive", s.recursive},  {"set", s.set},
            {"clear", s.clear},          {"propagation", s.propagation}, {"target", target(s.target)}};
    }
    Json operator()(const op::MakeDirectory& s) const {
        return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}, {"mode", s.mode}};
    }
    Json operator()(const op::HandOverUpper& s) const { return {{"slot", slot_name(s.slot)}}; }
    Json operator()(const op::MakeSymlink& s) const {
        return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}, {"target", utf8(s.target)}};
    }
    Json operator()(const op::MakeDevice& s) const {
        return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}, {"mode", s.mode}, {"major", s.major},
                {"minor", s.minor},      {"uid", s.uid},         {"gid", s.gid}};
    }
    Json operator()(const op::WriteFile& s) const {
        return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}, {"text", text(s.text)}, {"mode", s.mode}};
    }
    Json operator()(const op::MakeReadonly& s) const { return {{"target", target(s.target)}}; }
    Json operator()(const op::MaskPath& s) const { return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}}; }
    Json operator()(const op::ReadonlyPath& s) const { return {{"at", slot_name(s.at)}, {"path", utf8(s.path)}}; }
    Json operator()(const op::SetHostname& s) const { return {{"name", text(s.name)}}; }
    Json operator()(const op::SetDomainname& s) const { return {{"name", text(s.name)}}; }
    Json operator()(const op::WriteSysctl& s) const { return {{"path", utf8(s.path)}, {"value", text(s.value)}}; }
    Json operator()(const op::SetRlimit& s) const {
        return {{"resource", s.resource}, {"soft", s.soft}, {"hard", s.hard}};
    }
    Json operator()(const op::SetOomScore& s) const { return {{"value", text(s.value)}}; }
    Json operator()(const op::SetMountPropagation& s) const { return {{"at", slot_name(s.at)}, {"flags", s.flags}}; }
    Json operator()(const op::ConnectStreams& s) const { return {{"terminal", s.terminal}}; }
    Json operator()(const op::LimitBoundingSet& s) const { return {{"keep", s.keep}}; }
    Json operator()(const op::SetUser& s) const {
        return {{"uid", s.uid}, {"gid", s.gid}, {"groups", std::vector<gid_t>(s.groups.begin(), s.groups.end())}};
    }
    Json operator()(const op::EnterWorkingDirectory& s) const { return {{"path", utf8(s.path)}}; }
    Json operator()(const op::SetUmask& s) const { return {{"umask", s.umask}}; }
    Json operator()(const op::SetCapabilities& s) const {
        return {{"effective", s.effective},
                {"permitted", s.permitted},
                {"inheritable", s.inheritable},
                {"ambient", s.ambient}};
    }
    Json operator()(const op::LoadSeccomp& s) const { return {{"instructions", s.filter.size()}}; }
    Json operator()(const op::CloseDescriptors& s) const { return {{"first", s.first}}; }
    Json operator()(const op::CheckCommand& s) const {
        return {{"directory", s.directory}, {"candidates", texts(s.candidates)}};
    }
    Json operator()(const op::Exec& s) const {
        return {{"candidates", texts(s.candidates)}, {"argv", texts(s.argv)}, {"env", texts(s.envp)}};
    }
    Json operator()(const op::OpenTerminal& s) const { return {{"owner", s.owner}}; }
    // The rest has nothing to add to its name.
    template <class Plain>
    Json operator()(const Plain&) const {
        return Json::object();
    }
};

}  // namespace

std::string plan_json(const Plan& plan) {
    Json list = Json::array();
    for (const auto& step : plan.steps) {
        Json object{{"phase", phase_name(step.phase)},
                    {"step", operation_name(step.operation)},
                    {"text", utf8(describe(step.operation))}};
        object.update(std::visit(Fields{}, step.operation));
        list.push_back(std::move(object));
    }
    return list.dump(2) + "\n";
}

}  // namespace minirun
