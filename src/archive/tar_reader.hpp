// The entries of a tar archive, by libarchive.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/byte_source.hpp"

struct archive;
struct archive_entry;

namespace minirun {

/// One entry as the archive says it: nothing has been checked.
struct TarEntry {
    std::string name;
    mode_t mode = 0;  ///< type and permissions
    uid_t uid = 0;
    gid_t gid = 0;
    unsigned major = 0, minor = 0;  ///< of a device
    std::uint64_t size = 0;         ///< of a regular file
    bool is_sparse = false;         ///< the archive leaves holes of it out
    timespec mtime{};
    std::string link;           ///< of a symbolic link: what it says
    bool is_hard_link = false;  ///< then `link` names an entry
    std::vector<std::pair<std::string, std::string>> xattrs;
};

class TarReader {
public:
    /// `name` is what messages call the archive.
    TarReader(ByteSource& source, std::string name);

    /// Reads up to the next entry; false at the end. Throws Error{bad_input} with the byte at which the archive is
    /// wrong.
    bool next(TarEntry& entry);

    /// The content of the current entry: pieces with their offsets, holes left out.
    void read_data(const std::function<void(Bytes piece, std::uint64_t offset)>& take);

    /// Where the content of the current entry begins in the archive. Of an archive that is read as it is.
    std::uint64_t data_offset() const;

    /// Reads on to the end of the source: what stands behind the last entry counts for its digest.
    void finish();

private:
    static long read_block(archive* reader, void* self, const void** block);
    static std::int64_t skip(archive* reader, void* self, std::int64_t bytes);
    [[noreturn]] void refuse();

    ByteSource& source_;
    std::string name_, last_;  ///< of the archive, and of the entry that was read last
    std::unique_ptr<archive, int (*)(archive*)> archive_;
    std::exception_ptr failure_;  ///< of the source, carried past libarchive
};

}  // namespace minirun
