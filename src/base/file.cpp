#include "base/file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

ErrorKind kind_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR: return ErrorKind::not_found;
        case EACCES:
        case EPERM: return ErrorKind::not_permitted;
        default: return ErrorKind::system;
    }
}

[[noreturn]] void fail(std::string_view what, const std::string& path, int error) {
    throw Error(kind_of(error), cat("cannot ", what, ' ', quote(path), ": ", strerrordesc_np(error)), {}, error);
}

Fd open_regular(const std::string& path, int& error) {
    // O_NONBLOCK: the open of a fifo without a writer would wait for one. O_NOCTTY: a terminal is not taken over.
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    error = fd ? 0 : errno;
    return fd;
}

// Of a length that is known already no more memory is touched than it takes.
std::string read_all(int fd, const std::string& name, std::size_t max_bytes, std::size_t expected) {
    std::string text;
    std::size_t used = 0;
    while (true) {
        // One byte more than the limit is asked for: it tells a file of just that size from a longer one.
        if (used == text.size())
            text.resize(std::min(max_bytes + 1, std::max({std::size_t{4096}, expected + 1, used * 2})));
        const auto n = ::read(fd, text.data() + used, text.size() - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("read", name, errno);
        if (n == 0) break;
        used += static_cast<std::size_t>(n);
        if (used > max_bytes)
            throw Error(ErrorKind::bad_input, cat(quote(name), " is larger than the limit of ", human_size(max_bytes)));
    }
    text.resize(used);
    return text;
}

std::string read_regular(const Fd& fd, const std::string& path, std::size_t max_bytes) {
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) fail("look at", path, errno);
    if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::bad_input, cat(quote(path), " is a directory, not a file"));
    if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::bad_input, cat(quote(path), " is not a regular file"));
    return read_all(fd.get(), path, max_bytes, static_cast<std::size_t>(status.st_size));
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

void sync_directory_of(const std::string& path) {
    const auto directory = directory_of(path);
    const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || fsync(fd.get()) != 0) fail("sync the directory", directory, errno);
}

}  // namespace

std::string read_fd(int fd, const std::string& name, std::size_t max_bytes) { return read_all(fd, name, max_bytes, 0); }

std::string read_file(const std::string& path, std::size_t max_bytes) {
    int error = 0;
    const auto fd = open_regular(path, error);
    if (!fd) fail("open", path, error);
    return read_regular(fd, path, max_bytes);
}

std::string read_file_or_pipe(const std::string& path, std::size_t max_bytes) {
    if (!is_pipe(path)) return read_file(path, max_bytes);
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) fail("open", path, errno);
    return read_fd(fd.get(), path, max_bytes);
}

std::optional<std::string> read_optional_file(const std::string& path, std::size_t max_bytes) {
    int error = 0;
    const auto fd = open_regular(path, error);
    if (!fd && (error == ENOENT || error == ENOTDIR)) return std::nullopt;
    if (!fd) fail("open", path, error);
    return read_regular(fd, path, max_bytes);
}

// Without a name nothing can be left of it, however this process ends. Not all file systems have such files.
NewFile::NewFile(std::string path, mode_t mode) : path_(std::move(path)) {
    fd_.reset(::open(directory_of(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd_) {
        beside_ = path_ + ".XXXXXX";
        fd_.reset(::mkostemp(beside_.data(), O_CLOEXEC));
        if (!fd_) fail("make a file beside", path_, errno);
    }
    // Whatever the umask is.
    if (::fchmod(fd_.get(), mode) != 0) fail("set the mode of", path_, errno);
}

NewFile::~NewFile() {
    if (!path_.empty() && !beside_.empty()) ::unlink(beside_.c_str());
}

// A file without a name gets one where there is none; what is there can only be replaced by one that has a name.
bool NewFile::get_name() {
    const auto name_it = [&](const std::string& name) {
        const auto self = cat("/proc/self/fd/", fd_.get());
        return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
    };
    if (name_it(path_)) return true;
    if (errno != EEXIST) fail("make", path_, errno);
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) < 0) fail("make", path_, errno);
    const auto name = cat(path_, '.', number);
    if (!name_it(name)) fail("make a file beside", path_, errno);
    beside_ = name;
    return false;
}

void NewFile::write(std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd_.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("write", path_, errno);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void NewFile::keep() {
    // Without it a crash soon after the rename can leave an empty file under the new name.
    if (fsync(fd_.get()) != 0) fail("sync", path_, errno);
    const auto path = path_;
    keep_unsynced();
    sync_directory_of(path);
}

void NewFile::keep_unsynced() {
    const bool has_name = beside_.empty() && get_name();
    if (!has_name && ::rename(beside_.c_str(), path_.c_str()) != 0) fail("replace", path_, errno);
    path_.clear();
}

void write_file_atomically(const std::string& path, std::string_view text, mode_t mode) {
    NewFile file(path, mode);
    file.write(text);
    file.keep();
}

void replace_file(const std::string& path, std::string_view text, mode_t mode) {
    NewFile file(path, mode);
    file.write(text);
    file.keep_unsynced();
}

std::string read_link(const std::string& path) {
    char target[PATH_MAX];
    const auto n = ::readlink(path.c_str(), target, sizeof target);
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
}

bool is_pipe(const std::string& path) noexcept {
    struct statfs status {};
    return statfs(path.c_str(), &status) == 0 && status.f_type == PIPEFS_MAGIC;
}

bool is_directory(const std::string& path) noexcept {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr), &std::free);
    if (!resolved) fail("find", path, errno);
    return resolved.get();
}

}  // namespace minirun
