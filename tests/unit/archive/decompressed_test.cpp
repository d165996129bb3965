#include <sys/mman.h>
#include <unistd.h>

#include "archive/byte_source.hpp"
#include "support.hpp"

namespace minirun {
namespace {

// A text in pieces of a given size.
class Pieces : public ByteSource {
public:
    Pieces(std::string text, std::size_t size) : text_(std::move(text)), size_(size) {}
    Bytes next() override {
        const auto n = std::min(size_, text_.size() - at_);
        const auto* begin = reinterpret_cast<const unsigned char*>(text_.data()) + at_;
        at_ += n;
        return {begin, n};
    }

private:
    std::string text_;
    std::size_t size_, at_ = 0;
};

std::string bytes(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}

std::string all_of(ByteSource& source) {
    std::string text;
    for (auto block = source.next(); !block.empty(); block = source.next())
        text.append(reinterpret_cast<const char*>(block.data()), block.size());
    return text;
}

std::string plain(const std::string& compressed, std::size_t piece) {
    Pieces source(compressed, piece);
    return all_of(*decompressed(source, "it"));
}

// "hello hello\n" by each program.
const struct {
    std::string name, data;
} samples[] = {
    {"gzip", bytes("1f8b0800000000000203cb48cdc9c957c800915c00a56a0a440c000000")},
    {"bzip2", bytes("425a683931415926535985746e41000002d100001040000244a00030c004a698520dc28617724538509085746e41")},
    {"xz", bytes("fd377a585a000004e6d6b4460200210116000000742fe5a301000b68656c6c6f2068656c6c6f0a0066ce0acc319123ef00012"
                 "40ca618d8d81fb6f37d010000000004595a")},
    {"zstd", bytes("28b52ffd045861000068656c6c6f2068656c6c6f0aff7ad51a")},
};

TEST_CASE("decompressed: every format, however its bytes come") {
    for (const auto& sample : samples)
        for (const std::size_t piece : {6u, 7u, 8u, 13u, 1000u}) {
            CAPTURE(sample.name);
            CAPTURE(piece);
            CHECK(plain(sample.data, piece) == "hello hello\n");
            CHECK(plain(sample.data + sample.data + sample.data, piece) == "hello hello\nhello hello\nhello hello\n");
        }
    CHECK(plain(samples[0].data + std::string(1000, '\0'), 16) == "hello hello\n");
}

TEST_CASE("decompressed: what is cut off or changed is told, with the byte") {
    for (const auto& sample : samples) {
        CAPTURE(sample.name);
        const auto cut = test::error_text([&] { plain(sample.data.substr(0, sample.data.size() - 3), 10); });
        CHECK_MESSAGE(cut.starts_with("it is cut off: its " + sample.name + " data ends at byte "), cut);
        auto changed = sample.data;
        for (std::size_t i = changed.size() / 2; i < changed.size(); i++) changed[i] = static_cast<char>(~changed[i]);
        const auto corrupt = test::error_text([&] { plain(changed, 10); });
        CHECK_MESSAGE(corrupt.starts_with("it is c"), corrupt);
    }
}

TEST_CASE("decompressed: what is not compressed comes as it is") {
    for (const std::size_t piece : {1u, 3u, 100u}) CHECK(plain("just text", piece) == "just text");
    CHECK(plain("", 1).empty());
}

TEST_CASE("limited growth: so many times what it came from, and what is harmless") {
    const auto limited = [](const std::string& text, std::uint64_t packed, Growth growth) {
        Pieces pieces(text, 2);
        GrowthLimit source(
            pieces, [packed] { return packed; }, growth, "it");
        return test::error_text([&] { all_of(source); });
    };
    const std::string refused =
        "it grows to more than 3 times its size by being decompressed | --max-ratio raises the limit";
    CHECK(limited("123456", 2, {3, 0}) == "no error");
    CHECK(limited("123456789", 2, {3, 0}) == refused);
    CHECK(limited("123456789", 2, {3, 9}) == "no error");
    CHECK(limited("123456789", 0, {3, 8}) == refused);
}

TEST_CASE("hashed and file sources") {
    const int fd = ::memfd_create("test", 0);
    REQUIRE(::write(fd, "0123456789", 10) == 10);
    FileSource file(fd, 2, 5, "f");
    HashedSource hashed(file);
    CHECK(all_of(hashed) == "23456");
    CHECK(hashed.size() == 5);
    CHECK(hashed.digest() == sha256_digest("23456"));
    FileSource beyond(fd, 8, 5, "f");
    CHECK(test::error_text([&] { all_of(beyond); }) == "f is cut off at byte 2 of 5 | ");
    ::close(fd);
    CHECK(sha256_digest("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace minirun
