// Blocks that two files share: ioctl_fideduperange(2).
#pragma once

#include <cstdint>
#include <string>

namespace minirun {

/// Whether files in this directory can share blocks: asked with two of them.
bool can_share_blocks(const std::string& directory);

/// Whether two files that have content share their first block already.
bool has_same_blocks(int one, int other);

/// Lets the first `size` bytes of `target` be the blocks of `source`. The kernel compares them first. False if they are
/// not the same, or it cannot; what is shared by then stays so, and no content has changed.
bool dedupe_range(int source, int target, std::uint64_t size);

}  // namespace minirun
