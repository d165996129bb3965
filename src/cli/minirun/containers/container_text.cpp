#include "cli/minirun/containers/container_text.hpp"

#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "cli/minirun/image_text.hpp"
#include "model/published_ports.hpp"

namespace minirun {
namespace {

// "3 minutes", where ago() says "3 minutes ago".
std::string duration_since(const std::string& time) {
    auto text = ago(seconds_of(time));
    if (const auto end = text.rfind(" ago"); end != std::string::npos) text.resize(end);
    return text;
}

// Docker's words in brackets, with a blank in front.
std::string health_text(const ContainerSummary& one) {
    if (!one.health) return "";
    const bool starts = one.health->status == HealthStatus::starting;
    return cat(" (", starts ? "health: " : "", health_word(one.health->status), ')');
}

}  // namespace

std::string status_text(const ContainerSummary& one) {
    switch (one.phase) {
        case ContainerPhase::created: return "Created";
        case ContainerPhase::running: return cat("Up ", duration_since(one.started), health_text(one));
        case ContainerPhase::paused: return cat("Up ", duration_since(one.started), " (Paused)");
        case ContainerPhase::restarting: return cat("Restarting (", one.exit_code, ") ", ago(seconds_of(one.finished)));
        case ContainerPhase::exited: return cat("Exited (", one.exit_code, ") ", ago(seconds_of(one.finished)));
    }
    return "";
}

std::vector<Endpoint> endpoints_of(const std::vector<PublishedPorts>& ports) {
    std::vector<Endpoint> all;
    for (const auto& one : ports)
        for (int i = 0; i < one.count; i++) {
            const auto container = cat(one.container_port + i, '/', protocol_name(one.protocol));
            const auto add = [&](const std::string& address) {
                all.push_back({container, address, one.host_port + i});
            };
            add(one.address.empty() ? "0.0.0.0" : one.address);
            if (one.address.empty()) add("::");
        }
    return all;
}

std::string address_text(const Endpoint& endpoint) {
    const bool brackets = endpoint.address.find(':') != std::string::npos;
    return cat(brackets ? "[" : "", endpoint.address, brackets ? "]:" : ":", endpoint.port);
}

std::string command_text(const std::vector<std::string>& args, std::size_t longest) {
    const auto text = printable(join(args, " "));
    if (text.size() <= longest) return text;
    auto end = longest - 1;
    while (end > 0 && (text[end] & 0xc0) == 0x80) end--;  // not within a character
    return text.substr(0, end) + "…";
}

}  // namespace minirun
