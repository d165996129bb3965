// What one directory on disk holds.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/fd.hpp"

namespace minirun {

struct NameInDirectory {
    std::string name;
    struct stat status = {};
};
/// The names but "." and "..", each with its lstat(2), in no order. `directory` is open for reading.
std::vector<NameInDirectory> read_directory(Fd directory);

}  // namespace minirun
