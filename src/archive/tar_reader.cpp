#include "archive/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include "archive/thread_locale.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::string text(const char* bytes) { return bytes == nullptr ? "" : bytes; }

// A name that is no ASCII was left as it is, which is what is wanted (ThreadLocale).
bool is_about_a_name(archive* reader) {
    return text(archive_error_string(reader)).ends_with("can't be converted from UTF-8 to current locale.");
}

}  // namespace

TarReader::TarReader(ByteSource& source, std::string name)
    : source_(source), name_(std::move(name)), archive_(archive_read_new(), archive_read_free) {
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_empty(archive_.get());
    archive_read_set_skip_callback(archive_.get(), &TarReader::skip);
    if (archive_read_open(archive_.get(), this, nullptr, &TarReader::read_block, nullptr) != ARCHIVE_OK) refuse();
}

std::int64_t TarReader::skip(archive*, void* self, std::int64_t bytes) {
    return static_cast<std::int64_t>(static_cast<TarReader*>(self)->source_.skip(static_cast<std::uint64_t>(bytes)));
}

std::uint64_t TarReader::data_offset() const {
    return static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
}

// libarchive is C: an exception waits until it has returned.
long TarReader::read_block(archive* reader, void* self, const void** block) {
    auto& tar = *static_cast<TarReader*>(self);
    try {
        const auto bytes = tar.source_.next();
        *block = bytes.data();
        return static_cast<long>(bytes.size());
    } catch (...) {
        tar.failure_ = std::current_exception();
        archive_set_error(reader, EIO, "the source failed");
        return -1;
    }
}

void TarReader::refuse() {
    if (failure_) std::rethrow_exception(failure_);
    if (archive_format(archive_.get()) == 0 && archive_filter_bytes(archive_.get(), 0) == 0)
        throw Error(ErrorKind::bad_input, cat(name_, " is no tar archive"));
    auto sentence = cat(name_, " is corrupt at byte ", archive_filter_bytes(archive_.get(), 0), ": ",
                        printable(text(archive_error_string(archive_.get()))));
    if (!last_.empty()) sentence += cat("; the last entry before that is ", quote(last_));
    throw Error(ErrorKind::bad_input, std::move(sentence));
}

bool TarReader::next(TarEntry& entry) {
    const ThreadLocale locale(ThreadLocale::Names::bytes);
    archive_entry* read = nullptr;
    const int result = archive_read_next_header(archive_.get(), &read);
    if (result == ARCHIVE_EOF) return false;
    // Any other warning is about a header that is only half understood: no guessing.
    if (result != ARCHIVE_OK && !(result == ARCHIVE_WARN && is_about_a_name(archive_.get()))) refuse();
    entry = {};
    last_ = entry.name = text(archive_entry_pathname(read));
    entry.mode = archive_entry_mode(read);
    entry.uid = static_cast<uid_t>(archive_entry_uid(read));
    entry.gid = static_cast<gid_t>(archive_entry_gid(read));
    entry.major = static_cast<unsigned>(archive_entry_rdevmajor(read));
    entry.minor = static_cast<unsigned>(archive_entry_rdevminor(read));
    entry.size = static_cast<std::uint64_t>(archive_entry_size(read));
    entry.is_sparse = archive_entry_sparse_count(read) > 0;
    entry.mtime = {archive_entry_mtime(read), archive_entry_mtime_nsec(read)};
    if (const char* target = archive_entry_hardlink(read)) {
        entry.link = target;
        entry.is_hard_link = true;
    } else {
        entry.link = text(archive_entry_symlink(read));
    }
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    archive_entry_xattr_reset(read);
    while (archive_entry_xattr_next(read, &name, &value, &size) == ARCHIVE_OK)
        entry.xattrs.emplace_back(text(name), std::string(static_cast<const char*>(value), size));
    return true;
}

void TarReader::read_data(const std::function<void(Bytes, std::uint64_t)>& take) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int result = ARCHIVE_OK;
    while ((result = archive_read_data_block(archive_.get(), &block, &size, &offset)) == ARCHIVE_OK)
        take({static_cast<const unsigned char*>(block), size}, static_cast<std::uint64_t>(offset));
    if (result != ARCHIVE_EOF) refuse();
}

void TarReader::finish() {
    while (!source_.next().empty()) continue;
}

}  // namespace minirun
