#include "archive/load_progress.hpp"

#include "base/text.hpp"

namespace minirun {

std::string_view hex_in(std::string_view text) {
    constexpr std::size_t length = 64;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (!is_hex) begin = i + 1;
        if (i + 1 - begin == length) return text.substr(begin, length);
    }
    return {};
}

std::string short_layer_name(std::string_view text) {
    constexpr std::size_t digits = 12;
    const auto hex = hex_in(text);
    return hex.empty() ? printable(text) : std::string(hex.substr(0, digits));
}

}  // namespace minirun
