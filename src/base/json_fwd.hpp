// The names of base/json.hpp, for headers that only pass them on: what stands behind them is 25,000 lines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace minirun {

/// Not ordered_json: that looks for each key of an object in all others, so a hostile one takes minutes.
using Json = nlohmann::json;
class JsonView;
class Problems;

/// The most levels of nesting that a document may have.
struct JsonDepth {
    int most = 64;
    std::string_view hint = {};  ///< what to do about more
};
/// Where it can be raised, no more than that: deep documents are walked by recursion in places.
inline constexpr JsonDepth deepest_json{1000};

}  // namespace minirun
