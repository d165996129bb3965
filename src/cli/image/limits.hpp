// The options that bound what an archive may make of this machine.
#pragma once

#include "archive/byte_source.hpp"
#include "archive/unpack_layer.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "model/option_error.hpp"

namespace minirun {

inline constexpr OptionWords max_size_words{0, "max-size", "SIZE", "the most that a layer may unpack to (64g)"};
inline constexpr OptionWords max_entries_words{0, "max-entries", "N", "the most files that a layer may have (2000000)"};
inline constexpr OptionWords max_ratio_words{0, "max-ratio", "N",
                                             "above 1 GiB: how much a layer may be compressed (200)"};

inline constexpr OptionWords dedup_words{0, "dedup", "", "files that other layers have, too, share their blocks"};

inline std::uint64_t positive(std::string_view option, const std::string& value, std::optional<std::int64_t> parsed) {
    if (!parsed || *parsed <= 0) throw option_error(option, value, "expected a number above 0");
    return static_cast<std::uint64_t>(*parsed);
}
inline void set_max_size(UnpackLimits& limits, const Given& given) {
    limits.bytes = positive("--max-size", given.value, parse_size(given.value));
}
inline void set_max_entries(UnpackLimits& limits, const Given& given) {
    limits.entries = positive("--max-entries", given.value, parse_number<std::int64_t>(given.value));
}
inline void set_max_ratio(Growth& growth, const Given& given) {
    growth.ratio = positive("--max-ratio", given.value, parse_number<std::int64_t>(given.value));
}

}  // namespace minirun
