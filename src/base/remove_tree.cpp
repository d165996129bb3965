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

// Removes entries until one is a directory with something in it: its name, or "" at the end.
std::string remove_until_full_directory(DIR* dir, int& error) {
    while (const dirent* entry = ::readdir(dir)) {
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        if (::unlinkat(::dirfd(dir), entry->d_name, 0) == 0) continue;
        if (errno == EISDIR && ::unlinkat(::dirfd(dir), entry->d_name, AT_REMOVEDIR) == 0) continue;
        if (errno == ENOTEMPTY || errno == EEXIST) return entry->d_name;
        if (error == 0) error = errno;
    }
    return "";
}

// One directory on the way down.
struct Level {
    std::string name;
    Directory directory;  ///< null: closed meanwhile, because the way is long
};
constexpr std::size_t most_open = 256;

}  // namespace

// Every directory is read once, and no more than a few are open: a container may have left millions of directories, in
// one another or beside one another.
int remove_tree(const std::string& path) noexcept try {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
    int error = 0;
    std::vector<Level> way;
    way.push_back({path, open_directory(AT_FDCWD, path.c_str())});
    if (!way.back().directory) return errno;
    while (true) {
        auto& here = way.back();
        const auto full = remove_until_full_directory(here.directory.get(), error);
        if (error != 0) return error;
        if (!full.empty()) {
            auto below = open_directory(::dirfd(here.directory.get()), full.c_str());
            if (!below && errno == EMFILE) {
                for (std::size_t above = 0; above + 1 < way.size(); above++) way[above].directory.reset();
                below = open_directory(::dirfd(here.directory.get()), full.c_str());
            }
            if (!below) return errno;
            if (way.size() >= most_open) way[way.size() - most_open].directory.reset();
            way.push_back({full, std::move(below)});
            continue;
        }
        if (way.size() == 1) break;
        auto& above = way[way.size() - 2];
        if (!above.directory) above.directory = open_directory(::dirfd(here.directory.get()), "..");
        if (!above.directory) return errno;
        if (::unlinkat(::dirfd(above.directory.get()), here.name.c_str(), AT_REMOVEDIR) < 0) return errno;
        way.pop_back();
    }
    return ::rmdir(path.c_str()) == 0 ? 0 : errno;
} catch (...) {
    return ENOMEM;
}

}  // namespace minirun
