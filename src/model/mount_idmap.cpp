#include "model/mount_idmap.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace minirun {
namespace {

// What an id of the container is outside of it; nothing where it is not mapped.
std::optional<std::uint32_t> outside(const std::vector<IdMapping>& container, std::uint32_t id) {
    for (const auto& one : container)
        if (id >= one.container_id && id - one.container_id < one.size) return one.host_id + (id - one.container_id);
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
        if (shown && relative) shown = outside(container, *shown);
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

void resolve_idmap_options(std::vector<MountSpec>& mounts, const LinuxSpec& container, const JsonView& list) {
    for (std::size_t i = 0; i < mounts.size(); i++)
        for (auto& option : mounts[i].options) {
            const auto equals = option.find('=');
            const auto word = option.substr(0, equals);
            if (equals == std::string::npos || (word != "idmap" && word != "ridmap")) continue;
            if (!read_mappings(std::string_view(option).substr(equals + 1), container, mounts[i]))
                list.complain(cat("expected ", word, "=uids=FIRST-SHOWN-COUNT[#…];gids=…, found ", quote(option)));
            option = word;
        }
}

}  // namespace minirun
