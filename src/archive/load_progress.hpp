// What is told of the layers while images are loaded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minirun {

/// Told what happens to the layers, by several threads at once. `layer` is what short_layer_name() makes.
class LoadProgress {
public:
    virtual ~LoadProgress() = default;
    /// It is being unpacked; the archive has `size` bytes for it.
    virtual void begin(const std::string& layer, std::uint64_t size) = 0;
    /// So many of them are done.
    virtual void advance(const std::string& layer, std::uint64_t bytes) = 0;
    /// It is unpacked, or, with `how`, something else has become of it.
    virtual void end(const std::string& layer, const std::string& how) = 0;
};

/// The hex digits of the first SHA-256 in a digest or in the name of a file; empty if there is none.
std::string_view hex_in(std::string_view text);

/// Twelve of them, or, where there are none, the name as it is.
std::string short_layer_name(std::string_view text);

}  // namespace minirun
