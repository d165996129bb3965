#include "archive/tar_record.hpp"

#include <fcntl.h>
#include <isa-l/crc64.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

enum Kind : std::uint64_t { literal, content, replaced };

constexpr std::size_t block_size = 256 * 1024;
// libarchive reads ahead, so a file can begin this far behind what has come through.
constexpr std::size_t read_ahead = 2 << 20;
constexpr std::size_t longest_path = 4096;

std::uint64_t add_checksum(std::uint64_t checksum, Bytes bytes) {
    return crc64_ecma_refl(checksum, bytes.data(), bytes.size());
}

}  // namespace

TarRecorder::TarRecorder(ByteSource& source, std::string directory, std::uint64_t most)
    : source_(source),
      directory_(std::move(directory)),
      compressor_(ZSTD_createCCtx(), ZSTD_freeCCtx),
      packed_(ZSTD_CStreamOutSize()),
      left_(most) {
    const auto path = directory_ + "/tar-record";
    file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file_) throw system_error(cat("cannot make the file ", quote(path)), errno);
    if (!compressor_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_checksumFlag, 1);
}

TarRecorder::~TarRecorder() = default;

Bytes TarRecorder::next() {
    const auto block = source_.next();
    // Most of an archive is content, and is not copied.
    const auto rest = pending_.empty() ? pass_content(block) : block;
    pending_.insert(pending_.end(), rest.begin(), rest.end());
    sort_out(read_ahead);
    return block;
}

void TarRecorder::file(const std::string& path, std::uint64_t offset, std::uint64_t size) {
    // What has been written down as bytes stays that: no less true.
    if (size == 0 || offset < begin_) return;
    content_ = {path, offset, offset + size, 0};
    sort_out(pending_.size());
}

int TarRecorder::replace(const std::string& path, int parent, const std::string& name) {
    const auto directory = directory_ + "/replaced";
    if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) return errno;
    if (::renameat(parent, name.c_str(), AT_FDCWD, cat(directory, '/', replaced_).c_str()) < 0) return errno;
    replaced_++;
    write_text(replaced, {reinterpret_cast<const unsigned char*>(path.data()), path.size()});
    return 0;
}

void TarRecorder::finish() {
    if (content_.end != 0)
        throw Error(ErrorKind::bad_input, cat("the archive ends in the file ", quote(content_.path)));
    sort_out(0);
    compress(true);
}

// What is of the file at the beginning of these bytes; returns what is behind it.
Bytes TarRecorder::pass_content(Bytes bytes) {
    if (content_.end == 0 || begin_ < content_.begin) return bytes;
    const auto passed = bytes.first(std::min<std::uint64_t>(bytes.size(), content_.end - begin_));
    content_.checksum = add_checksum(content_.checksum, passed);
    begin_ += passed.size();
    if (begin_ == content_.end) {
        write_text(content, {reinterpret_cast<const unsigned char*>(content_.path.data()), content_.path.size()});
        write_number(content_.end - content_.begin);
        write(&content_.checksum, sizeof content_.checksum);
        content_ = {};
    }
    return bytes.subspan(passed.size());
}

// Writes down what is known; of what is not, no more than `kept` bytes stay.
void TarRecorder::sort_out(std::size_t kept) {
    Bytes rest(pending_);
    const auto take = [&](std::uint64_t bytes) {
        const auto taken = rest.first(bytes);
        rest = rest.subspan(taken.size());
        begin_ += taken.size();
        return taken;
    };
    while (content_.end != 0 && !rest.empty()) {
        if (begin_ < content_.begin)
            write_text(literal, take(std::min<std::uint64_t>(rest.size(), content_.begin - begin_)));
        else
            rest = pass_content(rest);
    }
    if (content_.end == 0 && rest.size() > 2 * kept) write_text(literal, take(rest.size() - kept));
    pending_.erase(pending_.begin(), pending_.end() - static_cast<std::ptrdiff_t>(rest.size()));
}

void TarRecorder::write_number(std::uint64_t number) {
    do {
        const auto low = static_cast<unsigned char>(number & 127);
        number >>= 7;
        plain_.push_back(number == 0 ? low : low | 128);
    } while (number != 0);
}

void TarRecorder::write_text(std::uint64_t kind, Bytes text) {
    write_number(kind);
    write_number(text.size());
    write(text.data(), text.size());
}

void TarRecorder::write(const void* bytes, std::size_t size) {
    if (size > left_)
        throw Error(ErrorKind::bad_input, "the archive has too much that is no file's content",
                    "--max-size raises the limit");
    left_ -= size;
    const auto* begin = static_cast<const unsigned char*>(bytes);
    plain_.insert(plain_.end(), begin, begin + size);
    if (plain_.size() >= block_size) compress(false);
}

void TarRecorder::compress(bool last) {
    ZSTD_inBuffer input{plain_.data(), plain_.size(), 0};
    bool done = false;
    while (!done) {
        ZSTD_outBuffer output{packed_.data(), packed_.size(), 0};
        const auto left = ZSTD_compressStream2(compressor_.get(), &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0) throw Error(ErrorKind::system, cat("zstd: ", ZSTD_getErrorName(left)));
        if (const auto written = kernel::write_all(file_.get(), packed_.data(), output.pos); !written)
            throw system_error(cat("cannot write ", quote(directory_ + "/tar-record")), written.error(),
                               "make space, or set MINIRUN_ROOT to a directory on another disk");
        done = last ? left == 0 : input.pos == input.size;
    }
    plain_.clear();
}

// The pieces of a record, one by one. It is minirun's own file; one that was changed is refused, and no more.
class TarReplay::Pieces {
public:
    struct Piece {
        std::uint64_t kind = 0;
        std::string path;
        std::uint64_t size = 0, checksum = 0;
    };

    Pieces(int file, std::uint64_t size, const std::string& name)
        : file_(file, 0, size, name), plain_(decompressed(file_, name)), name_(name) {}

    // False at the end. The bytes of a literal piece come by bytes().
    bool next(Piece& piece) {
        if (left_ != 0) skip();
        if (rest_.empty() && (rest_ = plain_->next()).empty()) return false;
        piece.kind = number();
        const auto length = number();
        if (piece.kind > replaced) refuse();
        if (piece.kind == literal) {
            left_ = length;
            return true;
        }
        if (length > longest_path) refuse();
        piece.path.clear();
        while (piece.path.size() < length) piece.path.push_back(static_cast<char>(byte()));
        if (piece.kind == replaced) return true;
        piece.size = number();
        auto* const checksum = reinterpret_cast<unsigned char*>(&piece.checksum);
        for (std::size_t i = 0; i < sizeof piece.checksum; i++) checksum[i] = byte();
        return true;
    }

    // Of the literal piece; empty at its end.
    Bytes bytes() {
        if (left_ == 0) return {};
        if (rest_.empty() && (rest_ = plain_->next()).empty()) refuse();
        const auto some = rest_.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest_.size(), left_)));
        rest_ = rest_.subspan(some.size());
        left_ -= some.size();
        return some;
    }

private:
    [[noreturn]] void refuse() const {
        throw Error(ErrorKind::bad_input, cat(name_, " is damaged"), "remove the image and load it again");
    }
    void skip() {
        while (!bytes().empty()) continue;
    }
    unsigned char byte() {
        if (rest_.empty() && (rest_ = plain_->next()).empty()) refuse();
        const auto first = rest_.front();
        rest_ = rest_.subspan(1);
        return first;
    }
    std::uint64_t number() {
        std::uint64_t number = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto part = byte();
            number |= std::uint64_t{part & 127u} << shift;
            if ((part & 128) == 0) return number;
        }
        refuse();
    }

    FileSource file_;
    std::unique_ptr<ByteSource> plain_;
    std::string name_;
    Bytes rest_;
    std::uint64_t left_ = 0;
};

TarReplay::TarReplay(const std::string& directory, std::string name, Changed changed)
    : directory_(directory), name_(std::move(name)), changed_(std::move(changed)), buffer_(block_size) {
    pieces_ = read_record(directory_, name_, record_);
    std::uint64_t files = 0;
    for (Pieces::Piece piece; pieces_->next(piece);) {
        if (piece.kind == content) files++;
        if (piece.kind == replaced) replaced_[piece.path].push_back({files, replacements_++});
    }
    pieces_ = read_record(directory_, name_, record_);
}

TarReplay::~TarReplay() = default;

std::unique_ptr<TarReplay::Pieces> TarReplay::read_record(const std::string& directory, const std::string& name,
                                                          Fd& file) {
    const auto path = directory + "/tar-record";
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) < 0)
        throw Error(ErrorKind::not_found, cat("the record of the archive of ", name, " is gone: ", quote(path)),
                    "remove the image and load it again", errno);
    return std::make_unique<Pieces>(file.get(), static_cast<std::uint64_t>(info.st_size),
                                    cat("the record of the archive of ", name));
}

void TarReplay::contents(const std::string& directory, const std::string& name,
                         const std::function<void(const Content&)>& tell) {
    Fd file;
    const auto pieces = read_record(directory, name, file);
    for (Pieces::Piece piece; pieces->next(piece);)
        if (piece.kind == content) tell({piece.path, piece.size, piece.checksum});
}

Bytes TarReplay::next() {
    while (true) {
        if (in_file_) {
            if (left_ > 0) return read_file();
            end_file();
        }
        if (const auto bytes = pieces_->bytes(); !bytes.empty()) return bytes;
        Pieces::Piece piece;
        if (!pieces_->next(piece)) return {};
        if (piece.kind != content) continue;
        in_file_ = true;
        path_ = piece.path;
        left_ = piece.size;
        said_checksum_ = piece.checksum;
        checksum_ = 0;
        file_ = open_file(piece.path, piece.size);
        files_++;
    }
}

// In the tree, or where it was put when it, or a directory above it, was replaced: the first time after this piece.
std::string TarReplay::place_of(const std::string& path) const {
    std::size_t first = replacements_;
    std::string below;
    for (auto end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
        const auto found = replaced_.find(path.substr(0, end));
        if (found == replaced_.end()) continue;
        const auto& times = found->second;
        const auto next = std::upper_bound(times.begin(), times.end(), files_,
                                           [](std::uint64_t files, const Replaced& one) { return files < one.after; });
        if (next == times.end() || next->number >= first) continue;
        first = next->number;
        below = path.substr(end);
    }
    return first == replacements_ ? "tree/" + path : cat("replaced/", first, below);
}

Fd TarReplay::open_file(const std::string& path, std::uint64_t size) {
    const auto place = place_of(path);
    const Fd layer(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto opened = kernel::open_beneath(layer.get(), place.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                             0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    Fd file(opened ? opened.value() : -1);
    struct stat info {};
    if (!file)
        changed_(path, opened.error() == ENOENT || opened.error() == ENOTDIR ? "is gone" : "cannot be read");
    else if (::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode))
        changed_(path, "is no regular file any more");
    else if (static_cast<std::uint64_t>(info.st_size) != size)
        changed_(path, cat("has ", info.st_size, " bytes, not ", size));
    else
        return file;
    return Fd();
}

Bytes TarReplay::read_file() {
    const auto wanted = std::min<std::uint64_t>(left_, buffer_.size());
    ssize_t n = -1;
    if (file_) do
            n = ::read(file_.get(), buffer_.data(), wanted);
        while (n < 0 && errno == EINTR);
    if (file_ && n <= 0) {
        changed_(path_, "cannot be read to its end");
        file_.reset();
    }
    // In the place of what is not to be had.
    if (!file_) {
        n = static_cast<ssize_t>(wanted);
        std::fill_n(buffer_.begin(), n, static_cast<unsigned char>(0));
    }
    const Bytes bytes(buffer_.data(), static_cast<std::size_t>(n));
    checksum_ = add_checksum(checksum_, bytes);
    left_ -= bytes.size();
    return bytes;
}

void TarReplay::end_file() {
    in_file_ = false;
    if (file_ && checksum_ != said_checksum_) changed_(path_, "has another content");
    file_.reset();
}

}  // namespace minirun
