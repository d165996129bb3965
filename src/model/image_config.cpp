#include "model/image_config.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/names.hpp"
#include "model/health_check.hpp"

namespace minirun {
namespace {

// What the two forms of the document call the same things.
struct Keys {
    std::string_view architecture, os, variant, config, rootfs, type, diff_ids;
};
constexpr Keys image_config_keys{"architecture", "os", "variant", "config", "rootfs", "type", "diff_ids"};
constexpr Keys inspect_keys{"Architecture", "Os", "Variant", "Config", "RootFS", "Type", "Layers"};

// Far more than images have, and few enough for what looks at each entry once for each of the others.
constexpr std::size_t max_variables = 10000, max_volumes = 1000;

bool has_too_many(const JsonView& view, std::size_t most) {
    const auto count = view.exists() ? view.json().size() : 0;
    if (count > most) view.complain(cat(count, " entries are more than the limit of ", most));
    return count > most;
}

std::vector<std::string> read_env(const JsonView& view) {
    std::vector<std::string> env;
    if (has_too_many(view, max_variables)) return env;
    for (const auto& element : view.elements()) {
        auto entry = element.exists() ? element.string() : std::nullopt;
        if (!element.exists()) element.complain("expected a string, found null");
        if (!entry) continue;
        const auto equals = entry->find('=');
        if (entry->empty() || equals == 0) {
            element.complain(cat("expected NAME=value, found ", quote(*entry)));
            continue;
        }
        // A name alone asks for nothing to be set: Docker and containerd drop it, and the host's value of the
        // variable is not the image's business.
        if (equals != std::string::npos) env.push_back(std::move(*entry));
    }
    return env;
}

std::string read_working_dir(const JsonView& view) {
    auto path = view.string_or("");
    if (!path.empty() && path[0] != '/') view.complain(cat("expected an absolute path, found ", quote(path)));
    return path;
}

std::string read_stop_signal(const JsonView& view) {
    auto name = view.string_or("");
    if (!name.empty() && !signal_number(name)) view.complain(cat("there is no signal ", quote(name)));
    return name;
}

std::optional<unsigned> port_number(std::string_view text) {
    const auto port = parse_number<unsigned>(text);
    if (!port || *port < 1 || *port > 65535) return std::nullopt;
    return port;
}

// "80", "80/tcp", "8000-8005/udp" with the protocol added, or nothing.
std::optional<std::string> normal_port(std::string_view text) {
    const auto slash = text.find('/');
    const auto ports = text.substr(0, slash);
    const auto protocol = slash == std::string_view::npos ? "tcp" : text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return std::nullopt;

    const auto dash = ports.find('-');
    const auto first = port_number(ports.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : port_number(ports.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    return cat(ports, '/', protocol);
}

// ExposedPorts and Volumes are Go sets: objects whose keys count and whose values are empty objects.
std::vector<std::string> read_set(const JsonView& view) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : view.members()) {
        value.members();  // complains if it is no object
        keys.push_back(key);
    }
    return keys;
}

std::vector<std::string> sorted(std::vector<std::string> all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::vector<std::string> read_exposed_ports(const JsonView& view) {
    std::vector<std::string> ports;
    for (const auto& key : read_set(view)) {
        if (auto port = normal_port(key))
            ports.push_back(std::move(*port));
        else
            view.complain(cat("expected a port as 80/tcp or 8000-8005/udp, found ", quote(key)));
    }
    return sorted(std::move(ports));
}

std::vector<std::string> read_volumes(const JsonView& view) {
    std::vector<std::string> paths;
    if (has_too_many(view, max_volumes)) return paths;
    for (auto& key : read_set(view)) {
        const bool has_nul = key.find('\0') != std::string::npos;
        if (key.empty() || key[0] != '/' || has_nul)
            view.complain(cat("expected an absolute path, found ", quote(key)));
        else if (key.find_first_not_of('/') == std::string::npos)
            view.complain("the root directory cannot be a volume");
        else
            paths.push_back(std::move(key));
    }
    return sorted(std::move(paths));
}

std::map<std::string, std::string> read_labels(const JsonView& view) {
    std::map<std::string, std::string> labels;
    for (const auto& [key, value] : view.members()) labels[key] = value.string_or("");
    return labels;
}

std::vector<std::string> read_diff_ids(const JsonView& rootfs, const Keys& keys) {
    const auto type = rootfs[keys.type];
    if (const auto text = type.string(); text && *text != "layers")
        type.complain(cat("expected \"layers\", found ", quote(*text)));

    const auto list = rootfs[keys.diff_ids];
    auto digests = list.strings().value_or(std::vector<std::string>{});
    for (const auto& digest : digests)
        if (!is_sha256_digest(digest))
            list.complain(cat("expected sha256: and 64 hexadecimal digits, found ", quote(digest)));
    return digests;
}

ImageConfig read(const JsonView& document, const Keys& keys) {
    ImageConfig image;
    image.architecture = document[keys.architecture].string_or("");
    image.os = document[keys.os].string_or("");
    image.variant = document[keys.variant].string_or("");
    image.diff_ids = read_diff_ids(document[keys.rootfs], keys);

    const auto config = document[keys.config];
    image.user = config["User"].string_or("");
    image.env = read_env(config["Env"]);
    image.entrypoint = config["Entrypoint"].strings().value_or(std::vector<std::string>{});
    image.cmd = config["Cmd"].strings().value_or(std::vector<std::string>{});
    image.working_dir = read_working_dir(config["WorkingDir"]);
    image.stop_signal = read_stop_signal(config["StopSignal"]);
    image.exposed_ports = read_exposed_ports(config["ExposedPorts"]);
    image.volumes = read_volumes(config["Volumes"]);
    image.labels = read_labels(config["Labels"]);
    image.health = read_health_check(config["Healthcheck"]);
    return image;
}

}  // namespace

bool is_sha256_digest(std::string_view text) {
    constexpr std::string_view prefix = "sha256:";
    return text.starts_with(prefix) && text.size() == prefix.size() + 64 &&
           text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

ImageConfig parse_image_config(const JsonView& document) { return read(document, image_config_keys); }

ImageConfig parse_inspected_image(const JsonView& element) { return read(element, inspect_keys); }

}  // namespace minirun
