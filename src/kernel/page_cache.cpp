#include "kernel/page_cache.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "kernel/system_call.hpp"

namespace minirun::kernel {
namespace {

// Not in the headers of every system that builds this.
constexpr long cachestat_number = 451;
struct CachestatRange {
    std::uint64_t offset, length;  // 0: to the end
};
struct Cachestat {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;  // pages
};

std::uint64_t page_size() noexcept { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

SysResult<std::uint64_t> cached_bytes(int fd, std::uint64_t size) noexcept {
    const CachestatRange whole{0, 0};
    Cachestat found{};
    const auto asked = sys::status(cachestat_number, fd, &whole, &found, 0);
    if (asked) return SysResult<std::uint64_t>::success(found.cached * page_size());
    if (asked.error() != ENOSYS && asked.error() != EOPNOTSUPP) return SysResult<std::uint64_t>::failure(asked.error());
    return cached_bytes_by_mincore(fd, size);
}

// A piece at a time: the vector has a byte for each page.
SysResult<std::uint64_t> cached_bytes_by_mincore(int fd, std::uint64_t size) noexcept {
    const auto page = page_size();
    std::array<unsigned char, 4096> resident;
    std::uint64_t bytes = 0;
    for (std::uint64_t at = 0; at < size; at += resident.size() * page) {
        const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, resident.size() * page));
        void* const piece = ::mmap(nullptr, length, PROT_NONE, MAP_SHARED, fd, static_cast<off_t>(at));
        if (piece == MAP_FAILED) return SysResult<std::uint64_t>::failure(errno);
        const int answer = ::mincore(piece, length, resident.data());
        const int error = errno;
        ::munmap(piece, length);
        if (answer < 0) return SysResult<std::uint64_t>::failure(error);
        const auto pages = (length + page - 1) / page;
        for (std::size_t i = 0; i < pages; i++) bytes += (resident[i] & 1) * page;
    }
    return SysResult<std::uint64_t>::success(bytes);
}

}  // namespace minirun::kernel
