#include "base/remove_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace minirun {
namespace {

struct CloseDir {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

Directory open_directory(int parent, const char* name) noexcept {
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return nullptr;
    Directory dir(::fdopendir(fd));
    if (!dir) ::close(fd);
    return dir;
}

// Removes the entries that are no directories. Returns the name of a directory that is left, or "".
std::string remove_files(DIR* dir, int& error) {
    ::rewinddir(dir);
    std::string subdirectory;
    while (const dirent* entry = ::readdir(dir)) {
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        // Files and empty directories go at once; what is left has something in it.
        if (::unlinkat(::dirfd(dir), entry->d_name, 0) == 0) continue;
        if (errno != EISDIR) {
            if (error == 0) error = errno;
            continue;
        }
        if (::unlinkat(::dirfd(dir), entry->d_name, AT_REMOVEDIR) < 0) subdirectory = entry->d_name;
    }
    return subdirectory;
}

}  // namespace

int remove_tree(const std::string& path) noexcept try {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
    int error = 0;
    Directory current = open_directory(AT_FDCWD, path.c_str());
    if (!current) return errno;
    // The way down, by name: only the directory at its end is open, however deep it is.
    std::vector<std::string> way;
    while (true) {
        const auto subdirectory = remove_files(current.get(), error);
        if (error != 0) return error;
        if (!subdirectory.empty()) {
            auto below = open_directory(::dirfd(current.get()), subdirectory.c_str());
            if (!below) return errno;
            way.push_back(subdirectory);
            current = std::move(below);
            continue;
        }
        if (way.empty()) break;
        auto above = open_directory(::dirfd(current.get()), "..");
        if (!above) return errno;
        current = std::move(above);
        if (::unlinkat(::dirfd(current.get()), way.back().c_str(), AT_REMOVEDIR) < 0) return errno;
        way.pop_back();
    }
    return ::rmdir(path.c_str()) == 0 ? 0 : errno;
} catch (...) {
    return ENOMEM;
}

}  // namespace minirun
