// minirun image inspect: what `docker image inspect` says, key for key and in its order.
#include <ctime>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/inspect.hpp"
#include "image/find_image.hpp"
#include "image/reference.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

// A value of the config, or what Docker's struct has where there is none.
Ordered value_or(const Json& object, const char* key, const Ordered& fallback) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? fallback : Ordered(*found);
}

// Docker's container.Config: the order of its fields, and which of them are left out when they are empty.
Ordered container_config(const Json& config) {
    Ordered out;
    const auto always = [&](const char* key, const Ordered& fallback) { out[key] = value_or(config, key, fallback); };
    const auto if_there = [&](const char* key) {
        if (const auto value = value_or(config, key, nullptr); !value.is_null()) out[key] = value;
    };
    always("Hostname", "");
    always("Domainname", "");
    always("User", "");
    for (const char* key : {"AttachStdin", "AttachStdout", "AttachStderr"}) always(key, false);
    if_there("ExposedPorts");
    for (const char* key : {"Tty", "OpenStdin", "StdinOnce"}) always(key, false);
    always("Env", nullptr);
    always("Cmd", nullptr);
    if_there("Healthcheck");
    if_there("ArgsEscaped");
    always("Image", "");
    always("Volumes", nullptr);
    always("WorkingDir", "");
    always("Entrypoint", nullptr);
    always("OnBuild", nullptr);
    always("Labels", nullptr);
    for (const char* key : {"StopSignal", "StopTimeout", "Shell"}) if_there(key);
    return out;
}

std::string time_text(timespec time) {
    if (time.tv_sec == 0) return "0001-01-01T00:00:00Z";
    std::tm parts{};
    ::gmtime_r(&time.tv_sec, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    auto fraction = cat(1000000000 + time.tv_nsec).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return cat(text, fraction.empty() ? "" : ".", fraction, 'Z');
}

// As overlay2 has it: the topmost layer is the upper one. A container's own would come above it.
Ordered graph_driver(const ImageStore& store, const std::vector<StoredLayer>& layers) {
    const auto place = [&](std::size_t i, const char* name) {
        return cat(store.layer_directory(layers[i].key), '/', name);
    };
    const auto top = layers.size() - 1;
    Ordered data;
    std::string lower;
    for (std::size_t i = top; i-- > 0;) lower += cat(lower.empty() ? "" : ":", place(i, "tree"));
    if (!lower.empty()) data["LowerDir"] = lower;
    data["MergedDir"] = place(top, "merged");
    data["UpperDir"] = place(top, "tree");
    data["WorkDir"] = place(top, "work");
    return {{"Data", data}, {"Name", "overlay2"}};
}

Ordered inspected(const ImageStore& store, const std::string& id) {
    const auto config = stored_config(store, id);
    const auto layers = stored_layers(store, id);
    Ordered tags = Ordered::array(), digests = Ordered::array(), diff_ids = Ordered::array();
    timespec tagged{};
    for (const auto& tag : store.all_tags()) {
        if (tag.id != id) continue;
        tags.push_back(parse_reference(tag.name).familiar());
        const auto time = store.tag_time(tag.name);
        if (time.tv_sec > tagged.tv_sec) tagged = time;
    }
    for (const auto& name : store.all_digests())
        if (name.id == id) digests.push_back(parse_reference(name.name).familiar());
    std::uint64_t size = 0;
    for (const auto& layer : layers) {
        diff_ids.push_back(layer.diff_id);
        size += layer.size;
    }
    Ordered out;
    out["Id"] = "sha256:" + id;
    out["RepoTags"] = tags;
    out["RepoDigests"] = digests;
    out["Parent"] = value_or(config, "parent", "");
    out["Comment"] = value_or(config, "comment", "");
    out["Created"] = value_or(config, "created", "");
    out["Container"] = value_or(config, "container", "");
    out["ContainerConfig"] = container_config(config.value("container_config", Json::object()));
    out["DockerVersion"] = value_or(config, "docker_version", "");
    out["Author"] = value_or(config, "author", "");
    out["Config"] = container_config(config.value("config", Json::object()));
    out["Architecture"] = value_or(config, "architecture", "");
    if (const auto variant = value_or(config, "variant", nullptr); !variant.is_null()) out["Variant"] = variant;
    out["Os"] = value_or(config, "os", "");
    out["Size"] = size;
    out["VirtualSize"] = size;
    out["GraphDriver"] = graph_driver(store, layers);
    out["RootFS"] = {{"Type", "layers"}, {"Layers", diff_ids}};
    out["Metadata"] = {{"LastTagTime", time_text(tagged)}};
    return out;
}

}  // namespace

Ordered inspected_image(const std::string& name) {
    const ImageStore store(default_paths().data);
    return inspected(store, need_stored_image(store, name));
}

int image_inspect_command(int argc, char** argv) {
    return inspect_all(argc, argv, "image inspect [OPTIONS] IMAGE…", "Prints what docker image inspect prints.",
                       inspected_image);
}

}  // namespace minirun
