// A tar archive, by libarchive: ustar, and PAX headers where that is not enough.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "archive/byte_source.hpp"
#include "archive/tar_reader.hpp"

struct archive;

namespace minirun {

class TarWriter {
public:
    /// Where the archive's bytes go. It may throw.
    using Sink = std::function<void(Bytes)>;
    explicit TarWriter(Sink sink);

    /// Begins an entry; a regular file's `entry.size` bytes follow by write(). Throws Error.
    void add(const TarEntry& entry);
    void write(Bytes bytes);
    /// A whole file, root's and readable for all, without a time: the same archive each time.
    void add_file(const std::string& name, std::string_view text);
    /// The end of the archive.
    void finish();

private:
    static long pass_on(archive* writer, void* self, const void* bytes, std::size_t size);
    void check(int result);

    Sink sink_;
    std::unique_ptr<archive, int (*)(archive*)> archive_;
    std::exception_ptr failure_;  ///< of the sink, carried past libarchive
};

}  // namespace minirun
