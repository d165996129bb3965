#include "archive/byte_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/interruption.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {

FileSource::FileSource(int fd, std::uint64_t offset, std::uint64_t size, std::string name)
    : fd_(fd), begin_(offset), offset_(offset), end_(offset + size), name_(std::move(name)), buffer_(256 * 1024) {}

Bytes FileSource::next() {
    const auto wanted = std::min<std::uint64_t>(buffer_.size(), end_ - offset_);
    if (wanted == 0) return {};
    ssize_t n = -1;
    do n = ::pread(fd_, buffer_.data(), wanted, static_cast<off_t>(offset_));
    while (n < 0 && errno == EINTR);
    if (n < 0) throw system_error(cat("cannot read ", name_), errno);
    if (n == 0)
        throw Error(ErrorKind::bad_input, cat(name_, " is cut off at byte ", offset_ - begin_, " of ", end_ - begin_));
    offset_ += static_cast<std::uint64_t>(n);
    return {buffer_.data(), static_cast<std::size_t>(n)};
}

std::uint64_t FileSource::skip(std::uint64_t bytes) {
    const auto passed = std::min(bytes, end_ - offset_);
    offset_ += passed;
    return passed;
}

Bytes HashedSource::next() {
    check_interruption();
    const auto block = source_.next();
    if (wanted_) hash_.add(block);
    size_ += block.size();
    return block;
}

PipeSource::PipeSource(int fd) : fd_(fd), buffer_(256 * 1024) {
    // Fewer changes between who writes and this process. Of no importance: a user may have no more.
    ::fcntl(fd, F_SETPIPE_SZ, 1 << 20);
}

Bytes PipeSource::next() {
    constexpr std::size_t telling = 512;
    std::size_t size = 0;
    while (size < telling) {
        wait_readable(fd_);
        const auto n = ::read(fd_, buffer_.data() + size, buffer_.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw system_error("cannot read the archive", errno);
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    size_ += size;
    return {buffer_.data(), size};
}

Bytes GrowthLimit::next() {
    const auto block = plain_.next();
    size_ += block.size();
    const auto packed = packed_();
    if (size_ > growth_.harmless && size_ / growth_.ratio > packed)
        throw Error(ErrorKind::bad_input,
                    cat(name_, " grows to more than ", growth_.ratio, " times its size by being decompressed"),
                    "--max-ratio raises the limit");
    return block;
}

}  // namespace minirun
