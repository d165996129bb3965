#include "runtime/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string data_directory() {
    if (auto root = environment("MINIRUN_ROOT"); !root.empty()) {
        if (root.front() != '/')
            throw Error(ErrorKind::usage, cat("MINIRUN_ROOT is ", quote(root), ", which is not an absolute path"));
        return root;
    }
    if (::geteuid() == 0) return "/var/lib/minirun";
    if (const auto xdg = environment("XDG_DATA_HOME"); !xdg.empty()) return xdg + "/minirun";
    return environment("HOME") + "/.local/share/minirun";
}

}  // namespace

Paths default_paths() {
    const auto data = data_directory();
    return {data, data + "/containers", data + "/names", data + "/cache/seccomp"};
}

void make_private_directories(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
    const auto slash = path.rfind('/');
    if (errno == ENOENT && slash != std::string::npos && slash > 0) {
        make_private_directories(path.substr(0, slash));
        if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
    }
    throw Error(ErrorKind::system, cat("cannot make the directory ", quote(path)),
                "set MINIRUN_ROOT to a directory that can be written", errno);
}

}  // namespace minirun
