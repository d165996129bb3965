#include "archive/dedupe_range.hpp"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "kernel/files.hpp"

namespace minirun {
namespace {

// A request with one target behind it, as the structures of the kernel end in arrays.
template <class Head, class Item>
struct WithOne {
    alignas(Head) std::byte bytes[sizeof(Head) + sizeof(Item)] = {};
    Head* head() { return reinterpret_cast<Head*>(bytes); }
    Item* item() { return reinterpret_cast<Item*>(bytes + sizeof(Head)); }
};

// Where the first block of a file is on the disk.
std::optional<std::uint64_t> first_block(int fd) {
    WithOne<fiemap, fiemap_extent> map;
    map.head()->fm_length = 1;
    map.head()->fm_extent_count = 1;
    if (::ioctl(fd, FS_IOC_FIEMAP, map.head()) < 0 || map.head()->fm_mapped_extents == 0) return std::nullopt;
    constexpr std::uint32_t nowhere = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE;
    if ((map.item()->fe_flags & nowhere) != 0) return std::nullopt;
    return map.item()->fe_physical;
}

}  // namespace

bool has_same_blocks(int one, int other) {
    const auto a = first_block(one), b = first_block(other);
    return a && a == b;
}

bool dedupe_range(int source, int target, std::uint64_t size) {
    constexpr std::uint64_t most = 16 << 20;  // btrfs takes no more at once
    for (std::uint64_t done = 0; done < size;) {
        WithOne<file_dedupe_range, file_dedupe_range_info> request;
        request.head()->src_offset = done;
        request.head()->src_length = std::min(most, size - done);
        request.head()->dest_count = 1;
        request.item()->dest_fd = target;
        request.item()->dest_offset = done;
        if (::ioctl(source, FIDEDUPERANGE, request.head()) < 0) return false;
        if (request.item()->status != FILE_DEDUPE_RANGE_SAME || request.item()->bytes_deduped == 0) return false;
        done += request.item()->bytes_deduped;
    }
    return size > 0;
}

bool can_share_blocks(const std::string& directory) {
    const std::vector<char> block(64 * 1024, 'x');
    Fd files[2];
    for (auto& file : files) {
        file.reset(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        if (!file || !kernel::write_all(file.get(), block.data(), block.size())) return false;
    }
    return dedupe_range(files[0].get(), files[1].get(), block.size());
}

}  // namespace minirun
