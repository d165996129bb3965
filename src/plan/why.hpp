// Why a step is done: for people who want to see what makes a process a container.
#pragma once

#include <cstdint>
#include <string_view>

#include "plan/step.hpp"

namespace minirun {

/// One sentence, without the names and paths that describe() has: steps of one kind and purpose share it.
std::string_view why(const Operation& operation);

/// What it means to have a namespace of this kind (one CLONE_NEW* bit) of one's own: a sentence.
std::string_view own_namespace(std::uint64_t flag);
/// What it means to be in the host's: a sentence.
std::string_view host_namespace(std::uint64_t flag);

}  // namespace minirun
