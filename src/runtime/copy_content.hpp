// The content of one file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace minirun {

/// Copies it data by data, so that holes stay holes, and no more than `size`, which it had when it was looked at. Adds
/// what was written to `bytes`; calls `go_on` before each piece, which may throw. False with errno.
bool copy_content(int source, int target, off_t size, std::uint64_t& bytes, const std::function<void()>& go_on);

}  // namespace minirun
