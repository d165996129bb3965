// minirun explain, for programs.
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/minirun/explain_render.hpp"

namespace minirun {
namespace {

using Json = nlohmann::ordered_json;

Json bootfs_json(const Explanation& explanation) {
    const auto& facts = explanation.bootfs;
    Json kernels = Json::array();
    for (const auto& file : facts.kernel_files) kernels.push_back({{"layer", file.layer}, {"path", file.path}});
    Json json{{"kernelRelease", facts.kernel_release},
              {"machine", facts.machine},
              {"bootImage", facts.boot_image.empty() ? Json() : Json(facts.boot_image)},
              {"commandLine", facts.command_line},
              {"kernelFilesInImage", std::move(kernels)}};
    if (!facts.problem.empty()) json["problem"] = facts.problem;
    return json;
}

Json layer_json(const LayerFacts& layer) {
    Json json{{"name", layer.name},
              {"path", layer.path},
              {"shared", layer.shared},
              {"bytes", layer.bytes},
              {"filesAdded", layer.added},
              {"filesChanged", layer.changed},
              {"deleted", layer.deleted},
              {"whiteouts", layer.whiteouts},
              {"opaqueDirectories", layer.opaque_directories},
              {"directoriesAdded", layer.directories_added},
              {"hardLinks", layer.hard_links},
              {"unreadableDirectories", layer.unreadable_directories}};
    if (!layer.problem.empty()) json["problem"] = layer.problem;
    return json;
}

std::string_view upper_name(RootfsFacts::Upper upper) {
    switch (upper) {
        case RootfsFacts::Upper::disk: return "disk";
        case RootfsFacts::Upper::memory: return "memory";
        case RootfsFacts::Upper::none: return "none";
        case RootfsFacts::Upper::in_place: break;
    }
    return "in_place";
}

Json rootfs_json(const Explanation& explanation) {
    const auto& facts = explanation.rootfs;
    Json layers = Json::array(), mounts = Json::array();
    for (const auto& layer : facts.layers) layers.push_back(layer_json(layer));
    for (const auto& mount : facts.mounts) {
        Json one{{"destination", mount.destination}, {"type", mount.type}, {"readOnly", mount.read_only}};
        if (!mount.source.empty()) one["source"] = mount.source;
        mounts.push_back(std::move(one));
    }
    return {{"operatingSystem", facts.operating_system},
            {"bytes", facts.bytes},
            {"writableLayer", upper_name(facts.upper)},
            {"readOnly", facts.read_only},
            {"layers", std::move(layers)},  // lowest first
            {"mounts", std::move(mounts)},
            {"providedFiles", facts.provided_files}};
}

std::string_view what_name(PathFacts::Event::What what) {
    constexpr std::string_view names[] = {"adds", "replaces", "merges", "opaque", "deletes", "nothing"};
    return names[static_cast<unsigned>(what)];
}

std::string_view type_name(PathFacts::Type type) {
    constexpr std::string_view names[] = {"none", "file", "directory", "symlink", "other"};
    return names[static_cast<unsigned>(type)];
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json union_json(const Explanation& explanation) {
    Json paths = Json::array();
    for (const auto& path : explanation.paths) {
        Json history = Json::array();
        for (const auto& event : path.history)
            history.push_back({{"layer", event.layer},
                               {"what", what_name(event.what)},
                               {"at", event.at},
                               {"visible", event.visible}});
        Json one{{"asked", path.asked},
                 {"path", path.path},
                 {"example", path.example},
                 {"type", type_name(path.type)},
                 {"layer", text_or_null(path.layer)},
                 {"coveredBy", text_or_null(path.covered_by)},
                 {"history", std::move(history)}};  // topmost first
        if (path.type == PathFacts::Type::file) one["bytes"] = path.bytes;
        if (path.type == PathFacts::Type::symlink) {
            one["leadsTo"] = path.leads_to;
            one["leadsToLayer"] = text_or_null(path.leads_to_layer);
        }
        if (!path.problem.empty()) one["problem"] = path.problem;
        paths.push_back(std::move(one));
    }
    return paths;
}

Json group_json(const ProcessFacts::Group& group) { return {{"gid", group.gid}, {"name", text_or_null(group.name)}}; }

Json process_json(const Explanation& explanation) {
    const auto& facts = explanation.process;
    Json programs = Json::array(), groups = Json::array();
    for (const auto& program : facts.programs)
        programs.push_back({{"path", program.path},
                            {"resolved", text_or_null(program.resolved)},
                            {"layer", text_or_null(program.layer)},
                            {"coveredBy", text_or_null(program.covered_by)},
                            {"executable", program.executable},
                            {"namedBy", text_or_null(program.named_by)}});
    for (const auto& group : facts.supplementary_groups) groups.push_back(group_json(group));
    Json json{{"argv", facts.argv},
              {"programs", std::move(programs)},
              {"searched", facts.searched},
              {"user", {{"uid", facts.uid}, {"name", text_or_null(facts.user_name)}}},
              {"group", group_json(facts.group)},
              {"supplementaryGroups", std::move(groups)},
              {"env", facts.env},
              {"workingDirectory", facts.working_directory},
              {"hostname", facts.hostname},
              {"stopSignal", facts.stop_signal},
              {"exposedPorts", facts.exposed_ports},
              {"volumes", facts.volumes},
              {"terminal", facts.terminal},
              {"init", facts.init}};
    if (!facts.problem.empty()) json["problem"] = facts.problem;
    return json;
}

std::string_view mode_name(IsolationFacts::NamespaceFacts::Mode mode) {
    constexpr std::string_view names[] = {"own", "joined", "host"};
    return names[static_cast<unsigned>(mode)];
}

Json mappings_json(const std::vector<IdMapping>& mappings) {
    Json list = Json::array();
    for (const auto& one : mappings)
        list.push_back({{"containerID", one.container_id}, {"hostID", one.host_id}, {"size", one.size}});
    return list;
}

Json seccomp_json(const IsolationFacts& facts) {
    if (!facts.seccomp) return nullptr;
    return {{"instructions", facts.seccomp_instructions},
            {"known", facts.syscalls_known},
            {"denied", facts.syscalls_denied},
            {"conditional", facts.syscalls_conditional}};
}

Json isolation_json(const Explanation& explanation) {
    const auto& facts = explanation.isolation;
    constexpr std::string_view networks[] = {"none", "host", "joined", "pasta", "bridge"};
    Json namespaces = Json::array(), limits = Json::array(), sysctls = Json::object();
    for (const auto& one : facts.namespaces) {
        Json object{{"name", one.name}, {"mode", mode_name(one.mode)}, {"why", one.why}};
        if (!one.path.empty()) object["path"] = one.path;
        namespaces.push_back(std::move(object));
    }
    for (const auto& limit : facts.limits)
        limits.push_back({{"name", limit.name}, {"soft", limit.soft}, {"hard", limit.hard}});
    for (const auto& [path, value] : facts.sysctls) sysctls[path] = value;
    Json json{{"privileged", facts.privileged},
              {"namespaces", std::move(namespaces)},
              {"network", networks[static_cast<unsigned>(facts.network)]},
              {"publishedPorts", facts.published_ports},
              {"capabilities",
               {{"kept", facts.capabilities_kept},
                {"dropped", facts.capabilities_dropped},
                {"effective", facts.capabilities_effective}}},
              {"noNewPrivileges", facts.no_new_privileges},
              {"seccomp", seccomp_json(facts)},
              {"maskedPaths", facts.masked_paths},
              {"readonlyPaths", facts.readonly_paths},
              {"devices", facts.devices},
              {"limits", std::move(limits)},
              {"sysctls", std::move(sysctls)},
              {"timeoutSeconds", facts.timeout ? Json(std::chrono::duration<double>(*facts.timeout).count()) : Json()}};
    if (!facts.uid_mappings.empty()) json["uidMappings"] = mappings_json(facts.uid_mappings);
    if (!facts.gid_mappings.empty()) json["gidMappings"] = mappings_json(facts.gid_mappings);
    return json;
}

Json plan_json_of(const Explanation& explanation) {
    Json steps = Json::array();
    for (const auto& step : explanation.plan)
        steps.push_back({{"phase", step.phase}, {"step", step.name}, {"text", step.text}, {"why", step.why}});
    return steps;
}

}  // namespace

std::string explain_json(const Explanation& explanation, const Sections& sections) {
    using Make = Json (*)(const Explanation&);
    constexpr Make make[] = {bootfs_json, rootfs_json, union_json, process_json, isolation_json, plan_json_of};
    Json json{{"image", explanation.image}, {"notices", explanation.notices}};
    for (std::size_t i = 0; i < explain_sections.size(); i++)
        if (sections.contains(explain_sections[i])) json[std::string(explain_sections[i])] = make[i](explanation);
    // Names in a layer may be any bytes; JSON may not.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace minirun
