#include "model/mount_idmap.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

// What ids of the container are outside of it, by the first one; nothing where they are not all in one mapping.
std::optional<std::uint32_t> outside(const std::vector<IdMapping>& container, std::uint32_t id, std::uint32_t size) {
    for (const auto& one : container)
        if (id >= one.container_id && id - one.container_id < one.size && size <= one.size - (id - one.container_id))
            return one.host_id + (id - one.container_id);
    return std::nullopt;
}

// "0-1-10#20-21-5", "@0-1-10"
std::optional<std::vector<IdMapping>> read_ranges(std::string_view text, const std::vector<IdMapping>& container) {
    std::vector<IdMapping> mappings;
    for (std::string_view range : split(text, '#')) {
        const bool relative = range.starts_with('@');
        if (relative) range.remove_prefix(1);
        const auto numbers = split(range, '-');
        if (numbers.size() != 3) return std::nullopt;
        const auto source = parse_number<std::uint32_t>(numbers[0]), size = parse_number<std::uint32_t>(numbers[2]);
        auto shown = parse_number<std::uint32_t>(numbers[1]);
        if (shown && size && relative) shown = outside(container, *shown, *size);
        if (!source || !shown || !size) return std::nullopt;
        mappings.push_back({*source, *shown, *size});
    }
    return mappings;
}

// "uids=…;gids=…"
bool read_mappings(std::string_view text, const LinuxSpec& container, MountSpec& mount) {
    for (const std::string_view part : split(text, ';')) {
        const bool uids = part.starts_with("uids=");
        if (!uids && !part.starts_with("gids=")) return false;
        auto mappings = read_ranges(part.substr(5), uids ? container.uid_mappings : container.gid_mappings);
        if (!mappings) return false;
        (uids ? mount.uid_mappings : mount.gid_mappings) = std::move(*mappings);
    }
    return true;
}

}  // namespace

void resolve_idmap_options(MountSpec& mount, const LinuxSpec& container, const JsonView& view) {
    const bool has_mappings = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
    for (auto& option : mount.options) {
        const auto equals = option.find('=');
        const auto word = option.substr(0, equals);
        if (equals == std::string::npos || (word != "idmap" && word != "ridmap")) continue;
        if (has_mappings)
            view.complain(cat("has ids in uidMappings and gidMappings, and others in the option ", quote(option)));
        else if (!read_mappings(std::string_view(option).substr(equals + 1), container, mount))
            view.complain(cat("expected ", word, "=uids=FIRST-SHOWN-COUNT[#…];gids=…, found ", quote(option)));
        option = word;
    }
}

}  // namespace minirun
