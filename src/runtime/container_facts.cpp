#include "runtime/container_facts.hpp"

#include <chrono>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "model/health_check.hpp"
#include "model/launch_request_json.hpp"

namespace minirun {
namespace {

constexpr std::pair<RestartPolicy::When, std::string_view> restart_words[] = {
    {RestartPolicy::When::never, "no"},
    {RestartPolicy::When::on_failure, "on-failure"},
    {RestartPolicy::When::always, "always"},
    {RestartPolicy::When::unless_stopped, "unless-stopped"}};

std::string_view restart_word(RestartPolicy::When when) {
    for (const auto& [value, word] : restart_words)
        if (value == when) return word;
    return "";
}

RestartPolicy read_restart(const JsonView& view) {
    RestartPolicy policy;
    for (const auto& [value, word] : restart_words)
        if (word == view["when"].string_or("no")) policy.when = value;
    policy.most = static_cast<unsigned>(view["most"].unsigned_integer(UINT32_MAX).value_or(0));
    return policy;
}

Json log_json(const LogSetting& log) {
    Json json{{"kept", log.kept}, {"maxFiles", log.max_files}, {"journal", log.journal}, {"tag", log.tag}};
    if (log.max_size) json["maxSize"] = *log.max_size;
    return json;
}

LogSetting read_log_setting(const JsonView& view) {
    return {view["kept"].boolean_or(true), view["maxSize"].unsigned_integer(),
            static_cast<unsigned>(view["maxFiles"].unsigned_integer(UINT32_MAX).value_or(1)),
            view["journal"].boolean_or(false), view["tag"].string_or("")};
}

}  // namespace

ContainerFacts facts_of(const Image& image, const RunOptions& options, const LaunchRequest& request) {
    return {.id = request.id,
            .name = request.name,
            .created = rfc3339(std::chrono::system_clock::now()),
            .image_name = image.name,
            .image_id = image.id,
            .config_file = image.id.empty() && image.form == Image::Form::image_config ? image.config_file : "",
            .args = request.spec.process.args,
            .labels = options.labels,
            .ports = request.pasta    ? request.pasta->ports
                     : request.bridge ? request.bridge->ports
                                      : std::vector<PublishedPorts>{},
            .remove = options.remove,
            .restart = options.restart,
            .log = options.log,
            .health = settled_health_check(image.config.health, options.health)};
}

Json facts_json(const ContainerFacts& facts) {
    Json json{{"id", facts.id},
              {"name", facts.name},
              {"created", facts.created},
              {"image", facts.image_name},
              {"imageId", facts.image_id},
              {"configFile", facts.config_file},
              {"args", facts.args},
              {"labels", facts.labels},
              {"ports", ports_json(facts.ports)},
              {"remove", facts.remove},
              {"restart", {{"when", restart_word(facts.restart.when)}, {"most", facts.restart.most}}},
              {"log", log_json(facts.log)}};
    if (facts.health) json["health"] = health_check_json(*facts.health);
    return json;
}

ContainerFacts read_facts(const JsonView& view) {
    ContainerFacts facts;
    facts.id = view["id"].string_or("");
    facts.name = view["name"].string_or("");
    facts.created = view["created"].string_or("");
    facts.image_name = view["image"].string_or("");
    facts.image_id = view["imageId"].string_or("");
    facts.config_file = view["configFile"].string_or("");
    facts.args = view["args"].strings().value_or(std::vector<std::string>{});
    for (const auto& [key, value] : view["labels"].members()) facts.labels[key] = value.string_or("");
    facts.ports = read_ports(view["ports"]);
    facts.remove = view["remove"].boolean_or(false);
    facts.restart = read_restart(view["restart"]);
    facts.log = read_log_setting(view["log"]);
    if (const auto health = view["health"]) facts.health = read_health_check(health);
    return facts;
}

Json progress_json(const ContainerProgress& progress) {
    return {{"started", progress.started},      {"finished", progress.finished}, {"exitCode", progress.exit_code},
            {"oomKilled", progress.oom_killed}, {"error", progress.error},       {"restarts", progress.restarts}};
}

ContainerProgress read_progress(const JsonView& view) {
    return ContainerProgress{view["started"].string_or(""),
                             view["finished"].string_or(""),
                             static_cast<int>(view["exitCode"].integer().value_or(0)),
                             view["oomKilled"].boolean_or(false),
                             view["error"].string_or(""),
                             static_cast<unsigned>(view["restarts"].unsigned_integer(UINT32_MAX).value_or(0))};
}

}  // namespace minirun
