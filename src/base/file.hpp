// Whole files: read with a limit, written so that a crash leaves the old one or the new one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace minirun {

/// The bytes of a regular file. Never blocks: a fifo or a device in its place is refused, not waited for.
///
/// Throws Error that names `path`: not_found, not_permitted, bad_input (no regular file, or more than `max_bytes`),
/// system.
std::string read_file(const std::string& path, std::size_t max_bytes);

/// The same, or nothing if there is no such file (also: if a directory on the way is missing or is none).
std::optional<std::string> read_optional_file(const std::string& path, std::size_t max_bytes);

/// The same, and what comes out of a pipe up to its end, which is waited for: a shell's `<(command)`.
std::string read_file_or_pipe(const std::string& path, std::size_t max_bytes);

/// What is left to read from a descriptor of any type, up to its end; `name` is what messages call it.
std::string read_fd(int fd, const std::string& name, std::size_t max_bytes);

/// A file that appears at `path` whole or not at all: written without a name, where the file system can do that, or
/// beside it, synced, and put into its place by keep(). `mode` holds whatever the umask is. Without keep() nothing is
/// left beside it, and what was there is as it was. A link at `path` is replaced, not followed. Throws Error that names
/// `path`.
class NewFile {
public:
    NewFile(std::string path, mode_t mode);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    int fd() const noexcept { return fd_.get(); }
    void write(std::string_view text);
    void keep();
    /// Without the syncs: after a crash of the machine it may be empty.
    void keep_unsynced();

private:
    bool get_name();

    std::string path_, beside_;  ///< beside_ is empty as long as it has no name
    Fd fd_;
};

/// Makes or replaces the file at `path` in one step: written beside it, synced, renamed over it, and the directory
/// synced. `mode` holds whatever the umask is. On failure nothing is left beside it and the old file is as it was.
void write_file_atomically(const std::string& path, std::string_view text, mode_t mode);

/// The same without the syncs: for what a boot of the machine does not outlive.
void replace_file(const std::string& path, std::string_view text, mode_t mode);

/// Where a symbolic link leads, as it says; empty if there is none.
std::string read_link(const std::string& path);

/// Whether `path` is a pipe's, in /dev/fd. A fifo in a directory is none: it may have no writer for ever.
bool is_pipe(const std::string& path) noexcept;

/// Whether there is a directory at `path`, symbolic links followed.
bool is_directory(const std::string& path) noexcept;

/// The absolute path of something that exists, all symbolic links resolved; realpath(3). Throws Error that names it.
std::string real_path(const std::string& path);

}  // namespace minirun
