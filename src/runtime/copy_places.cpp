#include "runtime/copy_places.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <optional>

#include "base/path.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr int most_links = 40;  // as path_resolution(7) has it

std::string absolute(const CopyPath& path) {
    char here[PATH_MAX] = "/";
    if (path.root == nullptr && ::getcwd(here, sizeof here) == nullptr)
        throw system_error("cannot find out the working directory", errno);
    return absolute_path(path.path, here);
}

// All links followed: in a container to nowhere else than below its root. Empty with errno.
Fd open_path(const CopyPath& in, const std::string& path) {
    if (in.root == nullptr) return Fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    const auto opened = kernel::open_in_root(in.root->get(), path.c_str());
    if (!opened) errno = opened.error();
    return Fd(opened ? opened.value() : -1);
}

Error cannot_open(const CopyPath& path, int error) {
    if (error == ENOENT || error == ENOTDIR)
        return {ErrorKind::not_found,
                cat(path.root == nullptr ? "there is no " : "the container has no ", quote(path.path)), "", error};
    return system_error(cat("cannot open ", quote(path.path)), error);
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool names_directory(const std::string& path) { return path.ends_with('/') || path.ends_with("/.") || path == "."; }

bool is_directory(const Fd& file) { return kernel::is_directory(file.get()); }

// The path that a link at `path` leads to; nothing if there is none.
std::optional<std::string> link_at(const Fd& parent, const std::string& path) {
    char target[PATH_MAX];
    const auto length = ::readlinkat(parent.get(), last_of(path).c_str(), target, sizeof target);
    if (length < 0) return std::nullopt;
    return absolute_path(std::string(target, static_cast<std::size_t>(length)), parent_of(path));
}

// The directory and the name of what is no directory, or is not there yet. In a container links lead on, also one to
// nowhere. On the host one is replaced: it may have come out of a container.
CopyTarget find_file(const CopyPath& target, std::string path) {
    for (int links = 0; links < most_links; links++) {
        auto parent = open_path(target, parent_of(path));
        if (!parent || !is_directory(parent))
            throw cannot_open({target.root, parent_of(path)}, parent ? ENOTDIR : errno);
        const auto next = target.root == nullptr ? std::nullopt : link_at(parent, path);
        if (!next) return {std::move(parent), last_of(path)};
        path = *next;
    }
    throw cannot_open(target, ELOOP);
}

}  // namespace

CopySource find_source(const CopyPath& path, bool follow) {
    const auto clean = absolute(path);
    CopySource source;
    source.name = last_of(clean);
    source.contents = source.name.empty() || path.path.ends_with("/.") || path.path == ".";
    if (follow || names_directory(path.path) || source.name.empty()) {
        source.file = open_path(path, clean);
    } else {
        const auto parent = open_path(path, parent_of(clean));
        if (parent) source.file.reset(::openat(parent.get(), source.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    }
    if (!source.file) throw cannot_open(path, errno);
    source.directory = is_directory(source.file);
    if (names_directory(path.path) && !source.directory)
        throw Error(ErrorKind::usage, cat(quote(path.path), " is no directory"), "leave the slash behind it away");
    return source;
}

CopyTarget find_target(const CopyPath& path, const CopySource& source) {
    const auto clean = absolute(path);
    auto place = open_path(path, clean);
    if (place && is_directory(place)) return {std::move(place), source.contents ? "" : source.name};
    if (!place && errno != ENOENT) throw cannot_open(path, errno);
    if (place && source.directory)
        throw Error(ErrorKind::usage, cat("cannot copy a directory to ", quote(path.path), ", which is no directory"),
                    "name a directory");
    if (names_directory(path.path) && (place || !source.directory))
        throw Error(place ? ErrorKind::usage : ErrorKind::not_found,
                    cat(quote(path.path), place ? " is no directory" : ": there is no such directory"),
                    "leave the slash behind it away, or make the directory first");
    return find_file(path, clean);
}

}  // namespace minirun
