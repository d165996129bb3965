// "/proc/self/fd/7", "/proc/1234": a path of procfs with a number in it. Without libc: the child makes such paths.
#pragma once

#include <cstddef>
#include <cstring>

namespace minirun::kernel {

class ProcPath {
public:
    /// `number` is none below 0.
    template <std::size_t size>
    ProcPath(const char (&prefix)[size], int number) noexcept {
        static_assert(size + 11 <= sizeof text_);
        std::memcpy(text_, prefix, size);
        char digits[12];
        int n = 0;
        do digits[n++] = static_cast<char>('0' + number % 10);
        while ((number /= 10) > 0);
        char* out = text_ + size - 1;
        while (n > 0) *out++ = digits[--n];
        *out = '\0';
    }
    const char* text() const noexcept { return text_; }

private:
    char text_[40];
};

/// What the descriptor stands for, without a way there.
inline ProcPath descriptor_path(int fd) noexcept { return {"/proc/self/fd/", fd}; }

}  // namespace minirun::kernel
