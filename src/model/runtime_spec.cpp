#include "model/runtime_spec.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/json.hpp"
#include "base/text.hpp"
#include "model/mount_idmap.hpp"
#include "model/runtime_spec_checks.hpp"
#include "model/runtime_spec_process.hpp"
#include "model/runtime_spec_resources.hpp"
#include "model/runtime_spec_unsupported.hpp"
#include "model/spec_reading.hpp"

namespace minirun {
namespace {

struct NamespaceRow {
    NamespaceType type;
    std::string_view word;
};
constexpr std::array namespaces{
    NamespaceRow{NamespaceType::mount, "mount"},     NamespaceRow{NamespaceType::pid, "pid"},
    NamespaceRow{NamespaceType::network, "network"}, NamespaceRow{NamespaceType::uts, "uts"},
    NamespaceRow{NamespaceType::ipc, "ipc"},         NamespaceRow{NamespaceType::cgroup, "cgroup"},
    NamespaceRow{NamespaceType::user, "user"},       NamespaceRow{NamespaceType::time, "time"},
};

std::map<std::string, std::string> string_map(const JsonView& view) {
    std::map<std::string, std::string> all;
    for (const auto& [key, value] : view.members()) {
        if (!value.exists()) value.complain("expected a string, found null");
        if (auto text = value.string()) all.emplace(key, std::move(*text));
    }
    return all;
}

// One spelling for one place: "proc", "//proc/", "/./proc" -> "/proc". ".." stays, symbolic links decide what it means.
std::string from_root(std::string_view path) {
    std::string clean;
    for (const auto& part : split(path, '/'))
        if (!part.empty() && part != ".") clean += '/' + part;
    return clean.empty() ? "/" : clean;
}

RootSpec read_root(const JsonView& view) {
    if (!is_required(view) || !is_there(view)) return {};
    RootSpec root{required_string(view["path"]), view["readonly"].boolean_or(false)};
    if (view["path"].is_string() && root.path.empty()) view["path"].complain("is empty");
    return root;
}

std::vector<IdMapping> read_mappings(const JsonView& view) {
    std::vector<IdMapping> mappings;
    for (const auto& one : objects(view))
        mappings.push_back({required_u32(one["containerID"]), required_u32(one["hostID"]), required_u32(one["size"])});
    return mappings;
}

std::vector<MountSpec> read_mounts(const JsonView& view) {
    std::vector<MountSpec> mounts;
    for (const auto& one : objects(view)) {
        auto destination = required_string(one["destination"]);
        if (one["destination"].is_string() && destination.empty()) one["destination"].complain("is empty");
        mounts.push_back({from_root(destination), one["type"].string_or(""), one["source"].string_or(""),
                          strings(one["options"]), read_mappings(one["uidMappings"]),
                          read_mappings(one["gidMappings"])});
    }
    return mounts;
}

std::vector<Namespace> read_namespaces(const JsonView& view) {
    std::vector<Namespace> all;
    for (const auto& one : objects(view)) {
        const auto type = one["type"];
        const auto word = required_string(type);
        const auto* row = std::find_if(namespaces.begin(), namespaces.end(),
                                       [&](const NamespaceRow& known) { return known.word == word; });
        if (row != namespaces.end())
            all.push_back({row->type, one["path"].string_or("")});
        else if (type.is_string())
            type.complain(cat("unknown namespace type ", quote(word)));
    }
    return all;
}

void read_time_offsets(const JsonView& view, LinuxSpec& spec) {
    for (const auto& [clock, offset] : view.members()) {
        const bool monotonic = clock == "monotonic";
        if (!monotonic && clock != "boottime") {
            offset.complain("unknown clock: a time namespace has offsets for monotonic and boottime");
            continue;
        }
        if (!is_there(offset)) continue;
        auto& slot = monotonic ? spec.monotonic_offset : spec.boottime_offset;
        slot = TimeOffset{offset["secs"].integer().value_or(0), u32_or(offset["nanosecs"], 0)};
    }
}

DeviceSpec read_device(const JsonView& view) {
    DeviceSpec device;
    device.path = required_string(view["path"]);
    const auto type = required_string(view["type"]);
    if (type.size() == 1)
        device.type = type[0];
    else if (view["type"].is_string())
        view["type"].complain(cat("unknown device type ", quote(type), ": c, b, u and p are known"));
    if (device.type != 'p') {
        device.major = required_u32(view["major"]);
        device.minor = required_u32(view["minor"]);
    }
    // Engines pass the whole st_mode, with the bits of the file's type.
    const auto mode = view["fileMode"].unsigned_integer(0177777);
    device.file_mode = static_cast<std::uint32_t>(mode.value_or(0666)) & 07777;
    device.uid = u32_or(view["uid"], 0);
    device.gid = u32_or(view["gid"], 0);
    return device;
}

LinuxSpec read_linux(const JsonView& view) {
    LinuxSpec spec;
    if (!is_there(view)) return spec;
    spec.namespaces = read_namespaces(view["namespaces"]);
    spec.uid_mappings = read_mappings(view["uidMappings"]);
    spec.gid_mappings = read_mappings(view["gidMappings"]);
    read_time_offsets(view["timeOffsets"], spec);
    for (const auto& device : objects(view["devices"])) spec.devices.push_back(read_device(device));
    spec.sysctl = string_map(view["sysctl"]);
    if (const auto personality = view["personality"]; is_there(personality))
        spec.personality = required_string(personality["domain"]);
    if (const auto seccomp = view["seccomp"]; is_there(seccomp)) spec.seccomp = seccomp.json().dump();
    spec.rootfs_propagation = view["rootfsPropagation"].string_or("");
    spec.mount_label = view["mountLabel"].string_or("");
    spec.masked_paths = strings(view["maskedPaths"]);
    spec.readonly_paths = strings(view["readonlyPaths"]);
    spec.cgroups_path = view["cgroupsPath"].string_or("");
    spec.resources = read_resources(view["resources"]);
    if (const auto policy = view["memoryPolicy"]; is_there(policy))
        spec.memory_policy = {required_string(policy["mode"]), policy["nodes"].string_or(""), strings(policy["flags"])};
    for (const auto& [name, device] : view["netDevices"].members()) {
        const auto inside = is_there(device) ? device["name"].string_or("") : std::string();
        spec.net_devices.emplace(name, inside.empty() ? name : inside);
    }
    return spec;
}

std::vector<Hook> read_hooks(const JsonView& list) {
    std::vector<Hook> hooks;
    for (const auto& one : objects(list)) {
        Hook hook{required_string(one["path"]), strings(one["args"]), strings(one["env"]), std::nullopt};
        if (const auto timeout = one["timeout"]; timeout.exists())
            hook.timeout = static_cast<int>(timeout.unsigned_integer(INT32_MAX).value_or(1));
        if (hook.timeout == 0) one["timeout"].complain("expected more than 0 seconds");
        hooks.push_back(std::move(hook));
    }
    return hooks;
}

HookSpec read_hook_spec(const JsonView& view) {
    if (!is_there(view)) return {};
    return {read_hooks(view["prestart"]),       read_hooks(view["createRuntime"]), read_hooks(view["createContainer"]),
            read_hooks(view["startContainer"]), read_hooks(view["poststart"]),     read_hooks(view["poststop"])};
}

ContainerSpec read_spec(const JsonView& view) {
    ContainerSpec spec;
    spec.oci_version = required_string(view["ociVersion"]);
    spec.root = read_root(view["root"]);
    spec.process = read_process(view["process"]);
    spec.hostname = view["hostname"].string_or("");
    spec.domainname = view["domainname"].string_or("");
    spec.mounts = read_mounts(view["mounts"]);
    spec.annotations = string_map(view["annotations"]);
    spec.hooks = read_hook_spec(view["hooks"]);
    spec.linux_ = read_linux(view["linux"]);
    const auto mounts = objects(view["mounts"]);
    for (std::size_t i = 0; i < mounts.size(); i++) resolve_idmap_options(spec.mounts[i], spec.linux_, mounts[i]);
    return spec;
}

// Whether a problem that a check found at one path may come from what could not be read at another: the same key,
// one inside the other, or elements of one array, whose numbers have shifted.
bool may_follow(std::string_view checked, std::string_view unreadable) {
    const auto outer = [](std::string_view path) { return path.substr(0, path.find('[')); };
    const auto a = outer(checked), b = outer(unreadable);
    const auto inside = [](std::string_view inner, std::string_view around) {
        return inner == around || (inner.starts_with(around) && inner[around.size()] == '.');
    };
    return inside(a, b) || inside(b, a);
}

// Adds what check_spec() finds, except what is only a consequence of problems that are already told.
void check_what_was_read(const ContainerSpec& spec, Problems& problems) {
    const auto path_of = [](std::string_view problem) { return problem.substr(0, problem.find(": ")); };
    Problems found(problems.file());
    check_spec(spec, found);
    const auto read_problems = problems.list();
    for (const std::string_view problem : found.list()) {
        const auto path = path_of(problem);
        const bool told = std::any_of(read_problems.begin(), read_problems.end(),
                                      [&](const std::string& earlier) { return may_follow(path, path_of(earlier)); });
        if (!told) problems.add(path, problem.substr(path.size() + 2));
    }
}

}  // namespace

std::string_view namespace_word(NamespaceType type) noexcept {
    for (const auto& row : namespaces)
        if (row.type == type) return row.word;
    return "unknown";
}

ContainerSpec parse_runtime_spec(std::string_view text, const std::string& file) {
    const auto document = parse_json(text, file);
    Problems problems(file);
    const JsonView root(document, problems);
    if (!root.exists()) root.complain("expected an object, found null");
    if (!is_there(root)) problems.throw_if_any();
    auto spec = read_spec(root);
    complain_about_unsupported(root);
    check_what_was_read(spec, problems);
    problems.throw_if_any();
    return spec;
}

ProcessSpec parse_process(std::string_view text, const std::string& file, const ContainerSpec& spec) {
    const auto document = parse_json(text, file);
    Problems problems(file);
    const JsonView root(document, problems);
    if (!root.exists()) root.complain("expected an object, found null");
    if (!is_there(root)) problems.throw_if_any();
    auto checked = spec;
    checked.process = read_process(root);
    if (!checked.process.capabilities) checked.process.capabilities = spec.process.capabilities;
    // The container's own parts were checked when it was made.
    Problems found(file);
    check_spec(checked, found);
    constexpr std::string_view prefix = ".process";
    for (const std::string_view problem : found.list())
        if (problem.starts_with(prefix)) {
            const auto path = problem.substr(prefix.size(), problem.find(": ") - prefix.size());
            problems.add(path, problem.substr(prefix.size() + path.size() + 2));
        }
    problems.throw_if_any();
    return checked.process;
}

bool is_bind(const MountSpec& mount) {
    const auto is_word = [](const std::string& word) { return word == "bind" || word == "rbind"; };
    return mount.type == "bind" || std::any_of(mount.options.begin(), mount.options.end(), is_word);
}

}  // namespace minirun
