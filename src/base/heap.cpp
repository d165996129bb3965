#include "base/heap.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <memory>

namespace minirun {

void reserve_heap(std::size_t bytes) noexcept {
    constexpr std::size_t page = 4096, least = 64 * page, most = std::size_t{16} << 20;
    if (bytes < least || bytes > most) return;
    // malloc maps a block of that size by itself, and gives it back when it is freed; but the next one of the size is
    // of the heap then, and stays there (mallopt(3), M_MMAP_THRESHOLD).
    void* volatile mapped = std::malloc(bytes);  // volatile: or the compiler leaves out both
    std::free(mapped);
    void* block = std::malloc(bytes);
    if (block == nullptr) return;
    void* begin = block;
    std::size_t left = bytes;
    if (std::align(page, page, begin, left) != nullptr) (void)::madvise(begin, left / page * page, MADV_POPULATE_WRITE);
    std::free(block);
}

}  // namespace minirun
