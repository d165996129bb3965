#include "runtime/growing_file.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

// Reads lines as long as there are whole ones; a part of one is left for the next time.
void read_lines(FILE* file, const GrowingFile::Each& each) {
    char* line = nullptr;
    std::size_t room = 0;
    ssize_t n = 0;
    auto begin = std::ftell(file);
    while ((n = ::getline(&line, &room, file)) > 0 && line[n - 1] == '\n') {
        begin = std::ftell(file);
        each({line, static_cast<std::size_t>(n)});
    }
    std::free(line);
    std::clearerr(file);
    std::fseek(file, begin, SEEK_SET);
}

bool is_at(FILE* file, const std::string& path) {
    struct stat ours {
    }, there{};
    return ::fstat(::fileno(file), &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino;
}

// Than what was read of it: it has been begun anew.
bool is_shorter(FILE* file) {
    struct stat info {};
    return ::fstat(::fileno(file), &info) == 0 && info.st_size < std::ftell(file);
}

// Some change in the directory.
void await_change(const Fd& changes, int milliseconds) {
    pollfd watched{changes.get(), POLLIN, 0};
    char events[4096];
    ::poll(&watched, 1, milliseconds);
    while (::read(changes.get(), events, sizeof events) > 0) continue;
}

}  // namespace

GrowingFile::File GrowingFile::open(const std::string& path) {
    File file(std::fopen(path.c_str(), "re"), std::fclose);
    if (!file && errno != ENOENT) throw system_error(cat("cannot read ", quote(path)), errno);
    return file;
}

void GrowingFile::read(const Each& each) {
    unsigned oldest = 0;
    while (::access(cat(path_, '.', oldest + 1).c_str(), F_OK) == 0) oldest++;
    for (; oldest > 0; oldest--)
        if (const auto file = open(cat(path_, '.', oldest))) read_lines(file.get(), each);
    file_ = open(path_);
    if (file_) read_lines(file_.get(), each);
}

void GrowingFile::follow(const std::function<std::optional<int>()>& patience, const Each& each) {
    const Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const auto directory = path_.substr(0, path_.rfind('/'));
    ::inotify_add_watch(changes.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
    while (true) {
        const auto time = patience();  // before what there is is read: nothing comes between
        if (!file_) file_ = open(path_);
        if (file_ && is_shorter(file_.get())) std::rewind(file_.get());
        if (file_) read_lines(file_.get(), each);
        if (file_ && !is_at(file_.get(), path_)) {
            read_lines(file_.get(), each);  // what came until it was given another name
            file_.reset();
            continue;
        }
        if (!time) return;
        await_change(changes, *time);
    }
}

}  // namespace minirun
