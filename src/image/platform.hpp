// The machine an image is for, and the one that this is.
#pragma once

#include <string>
#include <string_view>

#include "minirun/image.hpp"

namespace minirun {

/// The GOARCH word that image configs use, from the machine name of uname(2): "x86_64" -> "amd64". A machine that has
/// no other word keeps its own.
std::string image_architecture(std::string_view machine);

struct Platform {
    std::string os, architecture, variant;

    /// "linux/arm64/v8"
    std::string text() const;
    /// Whether an image for this one is what `wanted` asks for: "linux/arm64" takes "linux/arm64/v8", too.
    bool fits(const Platform& wanted) const;
};

/// "linux" and this machine's architecture.
Platform host_platform();

/// Reads "OS/ARCHITECTURE[/VARIANT]", as --platform takes it. Throws Error{usage}.
Platform read_platform(std::string_view text);

/// check_platform() for a host with that machine name.
void check_platform(const Image& image, std::string_view host_machine);

}  // namespace minirun
