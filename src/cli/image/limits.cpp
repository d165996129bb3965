#include "cli/image/limits.hpp"

#include <climits>

#include "base/text.hpp"
#include "image/stored_image.hpp"
#include "model/launch_request.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

using Parse = std::optional<std::int64_t> (*)(std::string_view);
std::optional<std::int64_t> count(std::string_view text) { return parse_number<std::int64_t>(text); }

struct Row {
    OptionWords words;
    Parse parse;
    std::int64_t most;
    std::string_view why;  ///< there is no more than that
    void (*set)(Limits& limits, std::uint64_t value);
};
constexpr Row rows[] = {
    {{0, "max-size", "SIZE", "the most that a layer may unpack to (64g)"},
     parse_size,
     INT64_MAX,
     "",
     [](Limits& limits, std::uint64_t value) { limits.bytes = value; }},
    {{0, "max-ratio", "N", "above 1 GiB: how much a layer may be compressed (200)"},
     count,
     INT64_MAX,
     "",
     [](Limits& limits, std::uint64_t value) { limits.growth.ratio = value; }},
    {{0, "max-entries", "N", "the most files that a layer may have (2000000)"},
     count,
     INT64_MAX,
     "",
     [](Limits& limits, std::uint64_t value) { limits.entries = value; }},
    {{0, "max-depth", "N", "the most directories in one another (2000)"},
     count,
     INT64_MAX,
     "",
     [](Limits& limits, std::uint64_t value) { limits.depth = value; }},
    {{0, "max-path", "N", "the most bytes of a path (4095)"},
     count,
     PATH_MAX - 1,
     "no path on Linux is longer",
     [](Limits& limits, std::uint64_t value) { limits.path = value; }},
    {{0, "max-layers", "N", "the most layers of an image (500)"},
     count,
     max_layers,
     "overlayfs takes no more",
     [](Limits& limits, std::uint64_t value) { limits.layers = value; }},
    {{0, "max-json", "SIZE", "the most bytes of a manifest or config (4m)"},
     parse_size,
     largest_config,
     "the store takes no more",
     [](Limits& limits, std::uint64_t value) { limits.json = value; }},
    {{0, "max-json-depth", "N", "the most levels of nesting in it (64)"},
     count,
     deepest_json.most,
     "the store takes no more",
     [](Limits& limits, std::uint64_t value) { limits.json_depth = static_cast<int>(value); }},
};

}  // namespace

void add_limit_options(std::vector<OptionWords>& words) {
    words.push_back({0, "", "", "Limits"});
    for (const auto& row : rows) words.push_back(row.words);
}

bool set_limit(Limits& limits, std::string_view name, const Given& given) {
    for (const auto& row : rows) {
        if (row.words.name != name) continue;
        const auto value = row.parse(given.value);
        const auto option = cat("--", name);
        if (!value || *value <= 0) throw option_error(option, given.value, "expected a number above 0");
        if (*value > row.most) throw option_error(option, given.value, cat("at most ", row.most, ": ", row.why));
        row.set(limits, static_cast<std::uint64_t>(*value));
        return true;
    }
    return false;
}

}  // namespace minirun
