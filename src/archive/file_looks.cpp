#include "archive/file_looks.hpp"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"

namespace minirun {

namespace {

// `list` and `get` are listxattr(2) and getxattr(2) of one file.
template <class List, class Get>
Attributes all_attributes(const List& list, const Get& get) {
    Attributes found;
    char names[65536], value[65536];
    const auto length = list(names, sizeof names);
    for (const char* name = names; length > 0 && name < names + length; name += std::strlen(name) + 1) {
        const auto size = get(name, value, sizeof value);
        // A security module labels what it likes.
        if (size >= 0 && std::strcmp(name, "security.selinux") != 0)
            found.emplace(name, std::string(value, static_cast<std::size_t>(size)));
    }
    return found;
}

}  // namespace

Attributes attributes_of(const std::string& path) {
    return all_attributes(
        [&](char* names, std::size_t size) { return ::llistxattr(path.c_str(), names, size); },
        [&](const char* name, char* value, std::size_t size) { return ::lgetxattr(path.c_str(), name, value, size); });
}

Attributes attributes_of(int fd) {
    return all_attributes(
        [&](char* names, std::size_t size) { return ::flistxattr(fd, names, size); },
        [&](const char* name, char* value, std::size_t size) { return ::fgetxattr(fd, name, value, size); });
}

Looks looks_of(const std::string& path) {
    Looks looks;
    if (::lstat(path.c_str(), &looks.status) < 0) throw system_error(cat("cannot look at ", quote(path)), errno);
    if (S_ISLNK(looks.status.st_mode)) looks.link = read_link(path);
    looks.attributes = attributes_of(path);
    return looks;
}

bool has_same_content(int one, int other) {
    std::vector<char> a(128 * 1024), b(a.size());
    while (one >= 0 && other >= 0) {
        const auto n = ::read(one, a.data(), a.size());
        if (n < 0 || ::read(other, b.data(), b.size()) != n) return false;
        if (n == 0) return true;
        if (std::memcmp(a.data(), b.data(), static_cast<std::size_t>(n)) != 0) return false;
    }
    return false;
}

}  // namespace minirun
