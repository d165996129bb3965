#include "model/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.hpp"
#include "kernel/features.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string data_directory() {
    if (::geteuid() == 0) return "/var/lib/minirun";
    if (const auto xdg = environment("XDG_DATA_HOME"); !xdg.empty()) return xdg + "/minirun";
    return environment("HOME") + "/.local/share/minirun";
}

// Root of a user namespace alone is some user of the host.
std::string state_directory() {
    const auto xdg = environment("XDG_RUNTIME_DIR");
    if (::geteuid() == 0 && (xdg.empty() || is_in_host_user_namespace())) return "/run/minirun";
    return xdg.empty() ? data_directory() : xdg + "/minirun";
}

}  // namespace

Paths default_paths() {
    const auto root = environment("MINIRUN_ROOT");
    if (!root.empty() && root.front() != '/')
        throw Error(ErrorKind::usage, cat("MINIRUN_ROOT is ", quote(root), ", which is not an absolute path"));
    const auto data = root.empty() ? data_directory() : root;
    const auto state = root.empty() ? state_directory() : root + "/run";
    return {data,
            state,
            data + "/containers",
            state + "/.names",
            state + "/.processes",
            data + "/cache/seccomp",
            data + "/networks",
            state + "/.networks"};
}

void make_private_directories(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
    const auto slash = path.rfind('/');
    if (errno == ENOENT && slash != std::string::npos && slash > 0) {
        make_private_directories(path.substr(0, slash));
        if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
    }
    throw system_error(cat("cannot make the directory ", quote(path)), errno, root_hint);
}

}  // namespace minirun
