#include "runtime/copy_content.hpp"

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>

namespace minirun {

bool copy_content(int source, int target, off_t size, std::uint64_t& bytes, const std::function<void()>& go_on) {
    if (::ftruncate(target, size) < 0) return false;
    for (off_t at = 0; at < size && (at = ::lseek(source, at, SEEK_DATA)) >= 0;) {
        const off_t end = std::min(::lseek(source, at, SEEK_HOLE), size);
        if (end < 0 || ::lseek(target, at, SEEK_SET) < 0) return false;
        while (at < end) {
            constexpr off_t piece = 8 << 20;
            go_on();
            const auto n = ::sendfile(target, source, &at, static_cast<std::size_t>(std::min(end - at, piece)));
            if (n < 0) return false;
            if (n == 0) return true;  // it has been cut off meanwhile
            bytes += static_cast<std::uint64_t>(n);
        }
    }
    return true;
}

}  // namespace minirun
