// minirun inspect of a container: Docker's document, with the keys that have a meaning here.
#include "cli/minirun/inspect.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/container_text.hpp"
#include "kernel/names.hpp"
#include "minirun/containers.hpp"
#include "model/health_check.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

// Docker's word for a time that has not come.
std::string time_or_never(const std::string& time) { return time.empty() ? "0001-01-01T00:00:00Z" : time; }

Ordered state_of(const ContainerSummary& one) {
    const bool paused = one.phase == ContainerPhase::paused, restarting = one.phase == ContainerPhase::restarting;
    Ordered state{{"Status", phase_word(one.phase)},
                  {"Running", paused || restarting || one.phase == ContainerPhase::running},
                  {"Paused", paused},
                  {"Restarting", restarting},
                  {"OOMKilled", one.oom_killed},
                  {"Dead", false},
                  {"Pid", one.pid},
                  {"ExitCode", one.exit_code},
                  {"Error", one.error},
                  {"StartedAt", time_or_never(one.started)},
                  {"FinishedAt", time_or_never(one.finished)}};
    if (one.health) state["Health"] = health_json(*one.health);
    return state;
}

std::string_view restart_name(RestartPolicy::When when) {
    switch (when) {
        case RestartPolicy::When::never: return "no";
        case RestartPolicy::When::on_failure: return "on-failure";
        case RestartPolicy::When::always: return "always";
        case RestartPolicy::When::unless_stopped: return "unless-stopped";
    }
    return "";
}

Ordered log_config(const LogSetting& log) {
    auto settings = Ordered::object();
    if (log.max_files > 1) settings["max-file"] = cat(log.max_files);
    if (!log.tag.empty()) settings["tag"] = log.tag;
    if (log.max_size) settings["max-size"] = cat(*log.max_size);
    return {{"Type", log.journal ? "journald" : log.kept ? "json-file" : "none"}, {"Config", settings}};
}

// Docker's form: by the port of the container where it is reached on the host.
Ordered port_bindings(const std::vector<PublishedPorts>& ports) {
    auto bindings = Ordered::object();
    for (const auto& one : endpoints_of(ports))
        bindings[one.container].push_back({{"HostIp", one.address}, {"HostPort", cat(one.port)}});
    return bindings;
}

Ordered host_config(const ContainerDetails& all) {
    const auto& one = all.summary;
    const auto& resources = all.spec.linux_.resources;
    Ordered json{{"LogConfig", log_config(one.log)},
                 {"NetworkMode", all.network},
                 {"PortBindings", port_bindings(one.ports)},
                 {"RestartPolicy", {{"Name", restart_name(one.restart.when)}, {"MaximumRetryCount", one.restart.most}}},
                 {"AutoRemove", one.remove},
                 {"ReadonlyRootfs", all.spec.root.readonly},
                 {"Memory", resources.memory.limit.value_or(0)},
                 {"MemoryReservation", resources.memory.reservation.value_or(0)},
                 {"MemorySwap", resources.memory.swap.value_or(0)},
                 {"CpuShares", resources.cpu.shares.value_or(0)},
                 {"CpuPeriod", resources.cpu.period.value_or(0)},
                 {"CpuQuota", resources.cpu.quota.value_or(0)},
                 {"CpusetCpus", resources.cpu.cpus},
                 {"CpusetMems", resources.cpu.mems},
                 {"PidsLimit", nullptr},
                 {"Init", all.init},
                 {"MaskedPaths", all.spec.linux_.masked_paths},
                 {"ReadonlyPaths", all.spec.linux_.readonly_paths}};
    if (const auto limit = resources.pids_limit) json["PidsLimit"] = *limit;
    return json;
}

// Those of the user: what every container gets has another type.
Ordered mounts_of(const ContainerSpec& spec) {
    auto mounts = Ordered::array();
    for (const auto& mount : spec.mounts) {
        if (!is_bind(mount)) continue;
        const auto& options = mount.options;
        const bool read_only = std::any_of(options.begin(), options.end(),
                                           [](const auto& option) { return option == "ro" || option == "rro"; });
        mounts.push_back({{"Type", "bind"},
                          {"Source", mount.source},
                          {"Destination", mount.destination},
                          {"Mode", join(options, ",")},
                          {"RW", !read_only},
                          {"Propagation", "rprivate"}});
    }
    return mounts;
}

Ordered config_of(const ContainerDetails& all) {
    const auto& process = all.spec.process;
    Ordered config{{"Hostname", all.spec.hostname},
                   {"Domainname", all.spec.domainname},
                   {"User", process.user.uid == 0 ? "" : cat(process.user.uid, ':', process.user.gid)},
                   {"Tty", process.terminal},
                   {"OpenStdin", all.interactive},
                   {"Env", process.env},
                   {"Cmd", process.args},
                   {"Image", all.summary.image_name},
                   {"WorkingDir", process.cwd},
                   {"Labels", all.summary.labels},
                   {"StopSignal", signal_name(all.stop_signal)},
                   {"StopTimeout", std::chrono::floor<std::chrono::seconds>(all.stop_timeout).count()}};
    if (all.health_check) config["Healthcheck"] = health_check_json(*all.health_check);
    return config;
}

// The topmost layer first, as overlayfs has them.
Ordered graph_driver(const ContainerDetails& all) {
    std::string lower;
    for (auto layer = all.layers.rbegin(); layer != all.layers.rend(); ++layer)
        lower += cat(lower.empty() ? "" : ":", layer->path);
    const auto& directory = all.summary.directory;
    return {{"Data",
             {{"LowerDir", lower},
              {"MergedDir", cat("/proc/", all.summary.pid, "/root")},
              {"UpperDir", directory + "/upper"},
              {"WorkDir", directory + "/work"}}},
            {"Name", "overlay2"}};
}

// Docker's word for where an end of a network is: of its address of this family, and of the host's.
struct EndAddress {
    std::string address, gateway;
    int prefix = 0;
};
EndAddress address_of(const NetworkEnd& end, bool v6) {
    const auto& subnets = end.network.subnets;
    for (std::size_t i = 0; i < std::min(subnets.size(), end.addresses.size()); i++) {
        const auto& range = subnets[i].range;
        if ((range.find(':') != std::string::npos) != v6) continue;
        const auto prefix = parse_number<int>(std::string_view(range).substr(range.find('/') + 1));
        return {end.addresses[i], subnets[i].gateway, prefix.value_or(0)};
    }
    return {};
}

Ordered network_settings(const ContainerDetails& all) {
    const auto& ports = all.summary.ports;
    Ordered settings{{"Ports", all.summary.pid != 0 ? port_bindings(ports) : Ordered::object()}};
    auto networks = Ordered::object();
    for (const auto& end : all.ends) {
        const auto four = address_of(end, false), six = address_of(end, true);
        Ordered one{
            {"Aliases", end.aliases},           {"NetworkID", end.network.id},       {"Gateway", four.gateway},
            {"IPAddress", four.address},        {"IPPrefixLen", four.prefix},        {"IPv6Gateway", six.gateway},
            {"GlobalIPv6Address", six.address}, {"GlobalIPv6PrefixLen", six.prefix}, {"MacAddress", end.mac_address}};
        // Of the first one also by themselves, where older programs look for them.
        if (networks.empty())
            for (const auto* key : {"Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway", "GlobalIPv6Address",
                                    "GlobalIPv6PrefixLen", "MacAddress"})
                settings[key] = one[key];
        networks[end.network.name] = std::move(one);
    }
    settings["Networks"] = std::move(networks);
    return settings;
}

}  // namespace

Ordered inspected_container(const std::string& word) {
    const auto all = Containers().inspect(word);
    const auto& one = all.summary;
    const auto& args = all.spec.process.args;
    Ordered out;
    out["Id"] = one.id;
    out["Created"] = one.created;
    out["Path"] = args.empty() ? "" : args.front();
    out["Args"] = args.empty() ? args : std::vector<std::string>(args.begin() + 1, args.end());
    out["State"] = state_of(one);
    out["Image"] = one.image_id.empty() ? one.image_name : "sha256:" + one.image_id;
    out["LogPath"] = one.log_file;
    out["Name"] = "/" + one.name;
    out["RestartCount"] = one.restarts;
    out["Driver"] = "overlay2";
    out["Platform"] = "linux";
    out["HostConfig"] = host_config(all);
    out["GraphDriver"] = graph_driver(all);
    out["Mounts"] = mounts_of(all.spec);
    out["Config"] = config_of(all);
    out["NetworkSettings"] = network_settings(all);
    return out;
}

int container_inspect_command(int argc, char** argv) {
    return inspect_all(argc, argv, "container inspect [OPTIONS] CONTAINER…", "Tells all of containers.",
                       inspected_container);
}

}  // namespace minirun
