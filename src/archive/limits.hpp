// What an archive may make of this machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/json_fwd.hpp"

namespace minirun {

/// How much a source may grow by being decompressed.
struct Growth {
    std::uint64_t ratio = 200;
    std::uint64_t harmless = 1 << 30;  ///< so many bytes are nothing to ask about
};

/// More than these is Error{bad_input} that names the option to raise it, up to what the kernel or the store takes.
struct Limits {
    std::uint64_t bytes = 64ull << 30;  ///< of all files of a layer
    std::uint64_t entries = 2'000'000;  ///< of a layer, and of the archive around the layers
    std::size_t depth = 2000;           ///< directories in one another
    std::size_t path = 4095;            ///< bytes of a path
    std::size_t layers = 500;
    std::size_t json = 4 << 20;  ///< bytes of a document: the engines' limit for manifests
    int json_depth = 64;         ///< its levels of nesting
    Growth growth;

    /// For what is in the store already.
    static Limits none() {
        constexpr auto most = ~std::size_t{0};
        return {most, most, most, most, most, most, deepest_json.most, {most, most}};
    }

    JsonDepth depth_of_json() const {
        return {json_depth, json_depth < deepest_json.most ? "--max-json-depth raises the limit" : ""};
    }
};

}  // namespace minirun
