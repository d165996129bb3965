// Bytes that come block by block: a file, a hash on the way, a decompressor.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "archive/sha256.hpp"

namespace minirun {

using Bytes = std::span<const unsigned char>;

class ByteSource {
public:
    ByteSource() = default;
    virtual ~ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    /// The next block; empty at the end. Valid until the next call. Throws Error.
    virtual Bytes next() = 0;
    /// Passes over up to `bytes`, and tells how many it did: none where they have to be read.
    virtual std::uint64_t skip(std::uint64_t bytes) { return bytes & 0; }
};

/// `size` bytes of a file from `offset` on, read without moving its position. A file that ends before is
/// Error{bad_input}, "NAME is cut off at byte N".
class FileSource : public ByteSource {
public:
    FileSource(int fd, std::uint64_t offset, std::uint64_t size, std::string name);
    Bytes next() override;
    std::uint64_t skip(std::uint64_t bytes) override;

private:
    int fd_;
    std::uint64_t begin_, offset_, end_;
    std::string name_;
    std::vector<unsigned char> buffer_;
};

/// What comes through is hashed and counted.
class HashedSource : public ByteSource {
public:
    explicit HashedSource(ByteSource& source) : source_(source) {}
    Bytes next() override;

    std::uint64_t size() const { return size_; }
    /// "sha256:…" of all that came through; to be asked once, at the end.
    std::string digest() { return hash_.digest(); }

private:
    ByteSource& source_;
    Sha256 hash_;
    std::uint64_t size_ = 0;
};

/// Lets `most` bytes through; one more is Error{bad_input} with these words.
class LimitedSource : public ByteSource {
public:
    LimitedSource(ByteSource& source, std::uint64_t most, std::string message, std::string hint)
        : source_(source), left_(most), message_(std::move(message)), hint_(std::move(hint)) {}
    Bytes next() override;

private:
    ByteSource& source_;
    std::uint64_t left_;
    std::string message_, hint_;
};

/// The bytes of a compressed source: gzip, zstd, xz or bzip2 by its first bytes, and as it is otherwise. Several
/// members or frames behind each other are one. Errors name `name` and the byte of the compressed source at which it
/// went wrong. No more than about 64 MiB of memory is used: a stream that asks for more is Error{unsupported}.
std::unique_ptr<ByteSource> decompressed(ByteSource& source, std::string name);

}  // namespace minirun
