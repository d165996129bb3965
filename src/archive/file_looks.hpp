// What stat(2), the attributes and the content say of a file: are two the same?
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

namespace minirun {

using Attributes = std::map<std::string, std::string>;

/// All extended attributes, but for the label of a security module, of what is at `path` itself.
Attributes attributes_of(const std::string& path);
Attributes attributes_of(int fd);

struct Looks {
    struct stat status {};
    std::string link;  ///< of a symbolic link: what it says
    Attributes attributes;
};

/// Throws Error that names `path`.
Looks looks_of(const std::string& path);

/// Whether what is left to read of both is the same. False if one cannot be read.
bool has_same_content(int one, int other);

/// To the nanosecond.
inline bool is_same_time(const timespec& one, const timespec& other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

}  // namespace minirun
