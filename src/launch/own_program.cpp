#include "launch/own_program.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
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
#include "kernel/memory_file.hpp"
#include "kernel/mount.hpp"
#include "kernel/system_error.hpp"
#include "launch/own_mappings.hpp"

namespace minirun {
namespace {

constexpr const char* self = "/proc/self/exe";
// On such a mount the program has no path any more, nor has it in memory.
constexpr const char* directory_variable = "MINIRUN_OWN_DIRECTORY";
std::string directory_before;

bool cannot_be_written() {
    struct statvfs info {};
    if (::statvfs(self, &info) == 0 && (info.f_flag & ST_RDONLY) != 0) return true;
    const Fd program(::open(self, O_RDONLY | O_CLOEXEC));
    const int seals = program ? ::fcntl(program.get(), F_GET_SEALS) : -1;
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
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

// The program by a mount that nobody else has, and that is read-only.
SysResult<int> readonly_mount() {
    const auto tree = clone_own_file();
    if (!tree) return tree;
    Fd program(tree.value());
    const auto set = kernel::set_mount_attributes(program.get(), {.set = MOUNT_ATTR_RDONLY}, false);
    return set ? SysResult<int>::success(program.release()) : SysResult<int>::failure(set.error());
}

// Without mount_setattr(2): a copy that nobody can write to.
SysResult<int> sealed_copy() {
    const auto made = kernel::executable_memory_file("minirun");
    if (!made) return made;
    Fd copy(made.value());
    const Fd program(::open(self, O_RDONLY | O_CLOEXEC));
    if (!program) return SysResult<int>::failure(errno);
    constexpr std::size_t at_once = 1 << 30;
    ssize_t copied = 1;
    while (copied > 0) copied = ::sendfile(copy.get(), program.get(), nullptr, at_once);
    if (copied < 0) return SysResult<int>::failure(errno);
    const auto sealed = kernel::seal(copy.get());
    return sealed ? SysResult<int>::success(copy.release()) : SysResult<int>::failure(sealed.error());
}

std::string directory_of_link() {
    const auto path = read_link(self);
    return path.substr(0, path.rfind('/') + 1);
}

// An execve(2) costs more than all else that an exec of ours does.
bool goes_on_from(const Fd& mount) {
    const Fd program(::open(cat("/proc/self/fd/", mount.get()).c_str(), O_RDONLY | O_CLOEXEC));
    if (!program) return false;
    directory_before = directory_of_link();
    return exchange_own_file(program).ok();
}

}  // namespace

void run_from_readonly_mount(char** argv, bool in_new_user_namespace) {
    if (cannot_be_written()) return;
    const auto fail = [](int error) {
        return system_error("cannot keep minirun's own program out of the container's reach", error,
                            "this takes CAP_SYS_ADMIN: run as root");
    };
    auto opened = readonly_mount();
    const bool mounted = opened.ok();
    if (opened.error() == ENOSYS) opened = sealed_copy();
    if (!opened) throw fail(opened.error());
    const Fd program(opened.value());
    if (mounted && !in_new_user_namespace && goes_on_from(program)) return;
    auto directory = cat(directory_variable, '=', directory_of_link());
    std::vector<char*> environment{directory.data()};  // the first of a name counts
    for (char** entry = environ; *entry != nullptr; entry++) environment.push_back(*entry);
    environment.push_back(nullptr);
    ::syscall(SYS_execveat, program.get(), "", argv, environment.data(), AT_EMPTY_PATH);
    throw fail(errno);
}

std::string own_directory() {
    if (!directory_before.empty()) return directory_before;
    const char* before = std::getenv(directory_variable);
    return before != nullptr && cannot_be_written() ? before : directory_of_link();
}

}  // namespace minirun
