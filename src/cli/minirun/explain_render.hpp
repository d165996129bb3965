// How `minirun explain` tells an Explanation.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "cli/layout.hpp"
#include "minirun/explain.hpp"

namespace minirun {

inline constexpr std::array<std::string_view, 6> explain_sections{"bootfs",  "rootfs",    "union",
                                                                  "process", "isolation", "plan"};
using Sections = std::set<std::string_view>;

/// For people, on 80 columns.
std::string explain_text(const Explanation& explanation, const Sections& sections, Style style);

/// One object with a member for each of the sections.
std::string explain_json(const Explanation& explanation, const Sections& sections);

// The sections of the text, each with its heading.
void tell_bootfs(Page& page, const Explanation& explanation);
void tell_rootfs(Page& page, const Explanation& explanation);
void tell_union(Page& page, const Explanation& explanation);
void tell_process(Page& page, const Explanation& explanation);
void tell_isolation(Page& page, const Explanation& explanation);
void tell_plan(Page& page, const Explanation& explanation);

}  // namespace minirun
