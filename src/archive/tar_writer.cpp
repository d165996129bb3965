#include "archive/tar_writer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include "archive/thread_locale.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {

namespace {

// Otherwise freeing it would write the rest: zeros for what is missing of a file, and an end that looks as if all were
// there.
int end_without_finishing(archive* writer) {
    archive_write_fail(writer);
    return archive_write_free(writer);
}

}  // namespace

TarWriter::TarWriter(Sink sink) : sink_(std::move(sink)), archive_(archive_write_new(), &end_without_finishing) {
    archive_write_set_format_pax(archive_.get());
    archive_write_set_options(archive_.get(), "xattrheader=SCHILY");
    archive_write_set_bytes_per_block(archive_.get(), 0);
    check(archive_write_open(archive_.get(), this, nullptr, &TarWriter::pass_on, nullptr));
}

// libarchive is C: an exception waits until it has returned.
long TarWriter::pass_on(archive* writer, void* self, const void* bytes, std::size_t size) {
    auto& tar = *static_cast<TarWriter*>(self);
    try {
        tar.sink_({static_cast<const unsigned char*>(bytes), size});
        return static_cast<long>(size);
    } catch (...) {
        tar.failure_ = std::current_exception();
        archive_set_error(writer, EIO, "the sink failed");
        return -1;
    }
}

void TarWriter::check(int result) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (result < ARCHIVE_WARN) {
        const char* why = archive_error_string(archive_.get());
        throw Error(ErrorKind::system, cat("cannot write the archive: ", printable(why == nullptr ? "" : why)));
    }
}

void TarWriter::add(const TarEntry& entry) {
    const ThreadLocale locale(ThreadLocale::Names::utf8);
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> header(archive_entry_new(), archive_entry_free);
    auto* const made = header.get();
    archive_entry_set_pathname(made, entry.name.c_str());
    archive_entry_set_mode(made, entry.mode);
    archive_entry_set_uid(made, entry.uid);
    archive_entry_set_gid(made, entry.gid);
    archive_entry_set_mtime(made, entry.mtime.tv_sec, entry.mtime.tv_nsec);
    archive_entry_set_size(made, S_ISREG(entry.mode) && !entry.is_hard_link ? static_cast<la_int64_t>(entry.size) : 0);
    if (S_ISCHR(entry.mode) || S_ISBLK(entry.mode)) {
        archive_entry_set_rdevmajor(made, entry.major);
        archive_entry_set_rdevminor(made, entry.minor);
    }
    if (entry.is_hard_link)
        archive_entry_set_hardlink(made, entry.link.c_str());
    else if (S_ISLNK(entry.mode))
        archive_entry_set_symlink(made, entry.link.c_str());
    for (const auto& [name, value] : entry.xattrs)
        archive_entry_xattr_add_entry(made, name.c_str(), value.data(), value.size());
    check(archive_write_header(archive_.get(), made));
}

void TarWriter::write(Bytes bytes) {
    while (!bytes.empty()) {
        const auto written = archive_write_data(archive_.get(), bytes.data(), bytes.size());
        check(written <= 0 ? ARCHIVE_FATAL : ARCHIVE_OK);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void TarWriter::add_file(const std::string& name, std::string_view text) {
    TarEntry entry;
    entry.name = name;
    entry.mode = S_IFREG | 0644;
    entry.size = text.size();
    add(entry);
    write({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

void TarWriter::finish() { check(archive_write_close(archive_.get())); }

}  // namespace minirun
