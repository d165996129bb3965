// Bytes that come block by block: a file, a hash on the way, a decompressor.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "archive/limits.hpp"
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

/// The same bytes, of which the first block can be looked at before.
class PeekedSource : public ByteSource {
public:
    explicit PeekedSource(ByteSource& source) : source_(source), first_(source.next()) {}
    Bytes next() override { return first_.empty() ? source_.next() : std::exchange(first_, {}); }

    /// What next() gives when it is called first.
    Bytes first() const { return first_; }

private:
    ByteSource& source_;
    Bytes first_;
};

/// What comes through is counted, and hashed if that is `wanted`.
class HashedSource : public ByteSource {
public:
    explicit HashedSource(ByteSource& source, bool wanted = true) : source_(source), wanted_(wanted) {}
    Bytes next() override;

    std::uint64_t size() const { return size_; }
    /// "sha256:…" of all that came through, to be asked once, at the end; empty if it is not wanted.
    std::string digest() { return wanted_ ? hash_.digest() : ""; }

private:
    ByteSource& source_;
    bool wanted_;
    Sha256 hash_;
    std::uint64_t size_ = 0;
};

/// What comes out of a pipe, or is left of a file. No block but the last is so short that it does not tell what it is.
class PipeSource : public ByteSource {
public:
    explicit PipeSource(int fd);
    Bytes next() override;

    std::uint64_t size() const { return size_; }

private:
    int fd_;
    std::uint64_t size_ = 0;
    std::vector<unsigned char> buffer_;
};

/// What was decompressed; more than it may be is Error{bad_input}. `packed` tells how many bytes it came from until
/// now.
class GrowthLimit : public ByteSource {
public:
    GrowthLimit(ByteSource& plain, std::function<std::uint64_t()> packed, Growth growth, std::string name)
        : plain_(plain), packed_(std::move(packed)), growth_(growth), name_(std::move(name)) {}
    Bytes next() override;

private:
    ByteSource& plain_;
    std::function<std::uint64_t()> packed_;
    Growth growth_;
    std::string name_;
    std::uint64_t size_ = 0;
};

/// Whether this is the beginning of something compressed, in a format that decompressed() knows.
bool is_compressed(Bytes head);

/// The bytes of a compressed source: gzip, zstd, xz or bzip2 by its first bytes, and as it is otherwise. Several
/// members or frames behind each other are one. Errors name `name` and the byte of the compressed source at which it
/// went wrong. No more than about 64 MiB of memory is used: a stream that asks for more is Error{unsupported}.
std::unique_ptr<ByteSource> decompressed(ByteSource& source, std::string name);

}  // namespace minirun
