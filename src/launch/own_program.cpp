#include "launch/own_program.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/mount.hpp"
#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr const char* self = "/proc/self/exe";
// On that mount the program has no path any more.
constexpr const char* directory_variable = "MINIRUN_OWN_DIRECTORY";

bool cannot_be_written() {
    struct statvfs info {};
    return ::statvfs(self, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

std::string directory_of_link() {
    const auto path = read_link(self);
    return path.substr(0, path.rfind('/') + 1);
}

// EINVAL: since it was started a mount namespace was entered, and its mount is the one in the old. There is a copy.
SysResult<int> clone_own_file() {
    const auto tree = kernel::clone_tree(AT_FDCWD, self, false);
    if (tree.error() != EINVAL) return tree;
    struct stat running {
    }, found{};
    const Fd file(::open(read_link(self).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (::stat(self, &running) < 0 || ::fstat(file.get(), &found) < 0) return SysResult<int>::failure(errno);
    if (running.st_dev != found.st_dev || running.st_ino != found.st_ino) return SysResult<int>::failure(ESTALE);
    return kernel::clone_tree(file.get(), "", false);
}

}  // namespace

void run_from_readonly_mount(char** argv) {
    if (cannot_be_written()) return;
    const auto fail = [](int error) {
        return system_error("cannot keep minirun's own program out of the container's reach", error,
                            "this takes CAP_SYS_ADMIN: run as root");
    };
    const auto tree = clone_own_file();
    if (!tree) throw fail(tree.error());
    const Fd program(tree.value());
    const auto set = kernel::set_mount_attributes(program.get(), {.set = MOUNT_ATTR_RDONLY}, false);
    if (!set) throw fail(set.error());
    auto directory = cat(directory_variable, '=', directory_of_link());
    std::vector<char*> environment{directory.data()};  // the first of a name counts
    for (char** entry = environ; *entry != nullptr; entry++) environment.push_back(*entry);
    environment.push_back(nullptr);
    ::syscall(SYS_execveat, program.get(), "", argv, environment.data(), AT_EMPTY_PATH);
    throw fail(errno);
}

std::string own_directory() {
    const char* before = std::getenv(directory_variable);
    return before != nullptr && cannot_be_written() ? before : directory_of_link();
}

}  // namespace minirun
