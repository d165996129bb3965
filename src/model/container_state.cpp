#include "model/container_state.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

// Annotations and paths may hold what is no UTF-8; a state that cannot be told helps nobody.
std::string dump(const Ordered& json, int indent) {
    return json.dump(indent, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace

std::string_view status_word(ContainerStatus status) noexcept {
    constexpr std::array<std::string_view, 5> words{"creating", "created", "running", "paused", "stopped"};
    return words[static_cast<std::size_t>(status)];
}

std::string state_json(const ContainerState& state) {
    Ordered json{{"ociVersion", state.oci_version},
                 {"id", state.id},
                 {"pid", state.pid},
                 {"status", status_word(state.status)},
                 {"bundle", state.bundle},
                 {"rootfs", state.rootfs},
                 {"created", state.created}};
    if (!state.annotations.empty()) json["annotations"] = state.annotations;
    json["owner"] = state.owner;
    return dump(json, 2);
}

std::string hook_state(const ContainerSpec& spec, const std::string& id, const std::string& bundle,
                       ContainerStatus status) {
    Ordered json{{"ociVersion", spec.oci_version}, {"id", id}, {"status", status_word(status)}, {"bundle", bundle}};
    if (!spec.annotations.empty()) json["annotations"] = spec.annotations;
    auto text = dump(json, -1);
    text.pop_back();
    return text;
}

std::string listener_state(const ContainerSpec& spec, const std::string& metadata, const std::string& state) {
    Ordered json{{"ociVersion", spec.oci_version}, {"fds", {"seccompFd"}}};
    if (!metadata.empty()) json["metadata"] = metadata;
    auto text = dump(json, -1);
    text.pop_back();
    return text + ",\"state\":" + state;
}

}  // namespace minirun
