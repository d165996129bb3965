// How much space a directory takes on its disk.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace minirun {

/// As du(1) counts: blocks, directories too, and a file with several names once, also over several calls.
class DiskUsage {
public:
    /// Bytes of all below `path` and of that itself that have not been counted yet; 0 if it is not there.
    std::uint64_t add(const std::string& path);

private:
    std::set<std::pair<std::uint64_t, std::uint64_t>> linked_;
};

}  // namespace minirun
