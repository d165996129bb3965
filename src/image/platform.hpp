// The machine an image is for, and the one that this is.
#pragma once

#include <string>
#include <string_view>

#include "minirun/image.hpp"

namespace minirun {

/// The GOARCH word that image configs use, from the machine name of uname(2): "x86_64" -> "amd64". A machine that has
/// no other word keeps its own.
std::string image_architecture(std::string_view machine);

/// check_platform() for a host with that machine name.
void check_platform(const Image& image, std::string_view host_machine);

}  // namespace minirun
