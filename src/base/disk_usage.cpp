#include "base/disk_usage.hpp"

#include <fts.h>
#include <sys/stat.h>

#include <memory>

namespace minirun {

std::uint64_t DiskUsage::add(const std::string& path) {
    std::string start = path;
    char* const roots[] = {start.data(), nullptr};
    const std::unique_ptr<FTS, int (*)(FTS*)> walk(::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr),
                                                   &::fts_close);
    constexpr std::uint64_t block = 512;  // of st_blocks, whatever the file system's are
    std::uint64_t bytes = 0;
    while (const FTSENT* entry = walk ? ::fts_read(walk.get()) : nullptr) {
        if (entry->fts_info == FTS_DP || entry->fts_info == FTS_NS || entry->fts_statp == nullptr) continue;
        const auto& info = *entry->fts_statp;
        const bool several = !S_ISDIR(info.st_mode) && info.st_nlink > 1;
        if (several && !linked_.emplace(info.st_dev, info.st_ino).second) continue;
        bytes += static_cast<std::uint64_t>(info.st_blocks) * block;
    }
    return bytes;
}

}  // namespace minirun
