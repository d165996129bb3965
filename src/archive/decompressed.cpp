// Each format is a filter around its library: it takes a block of the compressed source and gives blocks of the plain
// one.
#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <string_view>

#include "archive/byte_source.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::size_t output_size = 256 * 1024;
constexpr int most_window_bits = 25;                     // of zstd: 32 MiB
constexpr std::uint64_t most_lzma_memory = 72ull << 20;  // of xz -9

// What all of them share: the source, how much of it has been taken, the output block.
class Decompressor : public ByteSource {
public:
    Decompressor(ByteSource& source, Bytes first, std::string name)
        : source_(source), input_(first), name_(std::move(name)), output_(output_size) {}

    Bytes next() override {
        while (!ended_) {
            const auto made = step();
            if (made > 0) return {output_.data(), made};
        }
        return {};
    }

protected:
    // Takes from input(), writes to the output block, and returns how many bytes it wrote.
    virtual std::size_t step() = 0;

    // What is left of the block; the next one if it is used up. Empty at the end of the source.
    Bytes input() {
        if (input_.empty()) input_ = source_.next();
        return input_;
    }
    void take(std::size_t bytes) {
        input_ = input_.subspan(bytes);
        taken_ += bytes;
    }
    void end() { ended_ = true; }

    [[noreturn]] void corrupt(std::string_view format) const {
        throw Error(ErrorKind::bad_input, cat(name_, " is corrupt: its ", format, " data is wrong at byte ", taken_));
    }
    [[noreturn]] void cut_off(std::string_view format) const {
        throw Error(ErrorKind::bad_input, cat(name_, " is cut off: its ", format, " data ends at byte ", taken_));
    }
    [[noreturn]] void too_large(std::string_view format) const {
        throw Error(ErrorKind::unsupported, cat(name_, " takes too much memory to decompress (", format, ')'),
                    "compress it again with a smaller window");
    }

    std::vector<unsigned char>& output() { return output_; }

private:
    ByteSource& source_;
    Bytes input_;
    std::string name_;
    std::vector<unsigned char> output_;
    std::uint64_t taken_ = 0;
    bool ended_ = false;
};

class Gzip : public Decompressor {
public:
    using Decompressor::Decompressor;

private:
    std::size_t step() override {
        const auto block = input();
        if (block.empty()) {
            if (!between_members_) cut_off("gzip");
            end();
            return 0;
        }
        if (between_members_) {
            // Some tools pad the end with zeros.
            if (block[0] == 0) {
                take(1);
                return 0;
            }
            isal_inflate_init(&state_);
            state_.crc_flag = ISAL_GZIP;
            between_members_ = false;
        }
        state_.next_in = const_cast<unsigned char*>(block.data());
        state_.avail_in = static_cast<std::uint32_t>(block.size());
        state_.next_out = output().data();
        state_.avail_out = static_cast<std::uint32_t>(output().size());
        const int result = isal_inflate(&state_);
        // Of a damaged trailer isal 2.30 takes more than there is.
        if (state_.avail_in > block.size()) corrupt("gzip");
        take(block.size() - state_.avail_in);
        if (result != ISAL_DECOMP_OK && result != ISAL_END_INPUT) corrupt("gzip");
        between_members_ = state_.block_state == ISAL_BLOCK_FINISH;
        return output().size() - state_.avail_out;
    }

    inflate_state state_{};
    bool between_members_ = true;
};

class Zstd : public Decompressor {
public:
    Zstd(ByteSource& source, Bytes first, std::string name)
        : Decompressor(source, first, std::move(name)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, most_window_bits);
    }

private:
    std::size_t step() override {
        const auto block = input();
        if (block.empty()) {
            if (inside_frame_) cut_off("zstd");
            end();
            return 0;
        }
        ZSTD_inBuffer in{block.data(), block.size(), 0};
        ZSTD_outBuffer out{output().data(), output().size(), 0};
        const auto result = ZSTD_decompressStream(stream_.get(), &out, &in);
        take(in.pos);
        if (ZSTD_isError(result) != 0) {
            if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) too_large("zstd");
            corrupt("zstd");
        }
        inside_frame_ = result != 0;
        return out.pos;
    }

    std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
    bool inside_frame_ = false;
};

class Xz : public Decompressor {
public:
    Xz(ByteSource& source, Bytes first, std::string name) : Decompressor(source, first, std::move(name)) {
        if (lzma_stream_decoder(&stream_, most_lzma_memory, LZMA_CONCATENATED) != LZMA_OK) too_large("xz");
    }
    ~Xz() override { lzma_end(&stream_); }

private:
    std::size_t step() override {
        const auto block = input();
        stream_.next_in = block.data();
        stream_.avail_in = block.size();
        stream_.next_out = output().data();
        stream_.avail_out = output().size();
        const auto result = lzma_code(&stream_, block.empty() ? LZMA_FINISH : LZMA_RUN);
        take(block.size() - stream_.avail_in);
        if (result == LZMA_STREAM_END)
            end();
        else if (result == LZMA_MEMLIMIT_ERROR)
            too_large("xz");
        else if (result == LZMA_BUF_ERROR)
            cut_off("xz");
        else if (result != LZMA_OK)
            corrupt("xz");
        return output().size() - stream_.avail_out;
    }

    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Bzip2 : public Decompressor {
public:
    using Decompressor::Decompressor;
    ~Bzip2() override {
        if (open_) BZ2_bzDecompressEnd(&stream_);
    }

private:
    std::size_t step() override {
        const auto block = input();
        if (block.empty()) {
            if (open_) cut_off("bzip2");
            end();
            return 0;
        }
        if (!open_) open_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
        stream_.next_in = reinterpret_cast<char*>(const_cast<unsigned char*>(block.data()));
        stream_.avail_in = static_cast<unsigned>(block.size());
        stream_.next_out = reinterpret_cast<char*>(output().data());
        stream_.avail_out = static_cast<unsigned>(output().size());
        const int result = BZ2_bzDecompress(&stream_);
        take(block.size() - stream_.avail_in);
        const auto made = output().size() - stream_.avail_out;
        if (result == BZ_STREAM_END) {
            BZ2_bzDecompressEnd(&stream_);
            open_ = false;
        } else if (result != BZ_OK) {
            corrupt("bzip2");
        }
        return made;
    }

    bz_stream stream_{};
    bool open_ = false;
};

enum class Format { plain, gzip, zstd, xz, bzip2 };

Format format_of(Bytes head) {
    using namespace std::string_view_literals;
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    if (text.starts_with("\x1f\x8b")) return Format::gzip;
    if (text.starts_with("\x28\xb5\x2f\xfd")) return Format::zstd;
    if (text.starts_with("\xfd\x37zXZ\0"sv)) return Format::xz;
    if (text.starts_with("BZh")) return Format::bzip2;
    return Format::plain;
}

class AsItIs : public ByteSource {
public:
    AsItIs(ByteSource& source, Bytes first) : source_(source), first_(first) {}
    Bytes next() override { return first_.empty() ? source_.next() : std::exchange(first_, {}); }

private:
    ByteSource& source_;
    Bytes first_;
};

}  // namespace

bool is_compressed(Bytes head) { return format_of(head) != Format::plain; }

std::unique_ptr<ByteSource> decompressed(ByteSource& source, std::string name) {
    const auto first = source.next();
    switch (format_of(first)) {
        case Format::gzip: return std::make_unique<Gzip>(source, first, std::move(name));
        case Format::zstd: return std::make_unique<Zstd>(source, first, std::move(name));
        case Format::xz: return std::make_unique<Xz>(source, first, std::move(name));
        case Format::bzip2: return std::make_unique<Bzip2>(source, first, std::move(name));
        case Format::plain: break;
    }
    return std::make_unique<AsItIs>(source, first);
}

}  // namespace minirun
