// Where a person wants an archive.
#pragma once

#include <optional>
#include <string>

#include "archive/tar_writer.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"

namespace minirun {

/// A file that appears when it is whole, also behind a link; but a device, a pipe, and what somebody else has open
/// (/dev/stdout) as it is. An empty path is standard output.
class Output {
public:
    /// Throws Error.
    explicit Output(const std::string& path);

    /// Writes there. Throws Error.
    TarWriter::Sink sink() const;
    /// It is whole.
    void keep();

private:
    int fd() const;

    std::string path_;
    std::optional<NewFile> file_;
    Fd opened_;
};

/// Throws Error{usage} if nobody has named a file and standard output is a terminal; `usage` is the way out.
void refuse_terminal(const std::string& path, const std::string& usage);

}  // namespace minirun
