#include "image/open_directory.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <string_view>

namespace minirun {

std::vector<NameInDirectory> read_directory(Fd directory) {
    std::vector<NameInDirectory> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(directory.get()), &closedir);
    if (!stream) return names;
    const int fd = directory.release();  // the stream's from here on
    while (const auto* entry = readdir(stream.get())) {
        NameInDirectory found{entry->d_name, {}};
        if (found.name == "." || found.name == "..") continue;
        if (fstatat(fd, entry->d_name, &found.status, AT_SYMLINK_NOFOLLOW) == 0) names.push_back(std::move(found));
    }
    return names;
}

}  // namespace minirun
