// What containers that run share, as `stats --shared` and `explain --running` tell it.
#pragma once

#include <string>

#include "cli/layout.hpp"
#include "minirun/sharing.hpp"

namespace minirun {

/// Two tables: what the containers' processes take, and what of their layers is in memory.
std::string sharing_tables(const Sharing& sharing);

/// One object, all sizes in bytes.
std::string sharing_json(const Sharing& sharing);

/// For people, on 80 columns: the same facts, and what they mean.
std::string sharing_page(const Sharing& sharing, Style style);

}  // namespace minirun
