#include "launch/left_behind.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "plan/builder.hpp"

namespace minirun {
namespace {

std::string mount_namespace_path(std::string_view process) { return cat("/proc/", process, "/ns/mnt"); }

// Kills what is there now; whether there was anything. A zombie has no namespaces any more.
bool kill_all_in(ino_t mount_namespace) {
    bool found = false;
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
    while (const dirent* entry = processes ? ::readdir(processes.get()) : nullptr) {
        const auto pid = parse_number<pid_t>(entry->d_name);
        if (!pid) continue;
        // Opened before it is looked at: the number may be another process's a moment later.
        const Fd process(kernel::open_process(*pid));
        struct stat info {};
        if (!process || ::stat(mount_namespace_path(entry->d_name).c_str(), &info) < 0) continue;
        if (info.st_ino == mount_namespace) found = kernel::send_signal(process.get(), SIGKILL).ok() || found;
    }
    return found;
}

// The namespace's number is its own as long as it is open; afterwards another one may get it.
Fd open_mount_namespace(pid_t pid) {
    return Fd(::open(mount_namespace_path(cat(pid)).c_str(), O_RDONLY | O_CLOEXEC));
}

// Again as long as there are some: one may have forked while we looked.
void end_all_in(const Fd& mount_namespace) {
    struct stat info {};
    if (!mount_namespace || ::fstat(mount_namespace.get(), &info) < 0) return;
    while (kill_all_in(info.st_ino)) continue;
}

// The beginning of a file of /proc, which is written when it is read; empty if it is gone.
std::string read_proc(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[1024];
    const auto n = file ? ::read(file.get(), text, sizeof text) : -1;
    return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
}

// "4711 123456 BOOT-ID". The start time is field 22 of /proc/PID/stat; the name before it may hold anything.
std::optional<std::string> identity_of(pid_t pid) {
    const auto stat = read_proc(cat("/proc/", pid, "/stat"));
    const auto boot = read_proc("/proc/sys/kernel/random/boot_id");
    const auto fields = split(std::string_view(stat).substr(stat.rfind(')') + 1), ' ');
    constexpr std::size_t start_time = 20;  // counted from behind the name
    if (fields.size() <= start_time || boot.empty()) return std::nullopt;
    return cat(pid, ' ', fields[start_time], ' ', std::string_view(boot).substr(0, boot.find('\n')));
}

}  // namespace

Stragglers::Stragglers(pid_t pid, const ContainerSpec& spec) {
    if (!has_new_namespace(spec, NamespaceType::pid)) mount_namespace_ = open_mount_namespace(pid);
}

Stragglers::~Stragglers() { end_all_in(mount_namespace_); }

SysStatus record_process(const char* path, pid_t pid) {
    const auto identity = identity_of(pid);
    return identity ? sys_status(::symlink(identity->c_str(), path)) : SysStatus::failure(ESRCH);
}

void end_recorded_process(const std::string& path) {
    const auto recorded = read_link(path);
    const auto pid = parse_number<pid_t>(std::string_view(recorded).substr(0, recorded.find(' ')));
    if (!pid) return;
    const Fd process(kernel::open_process(*pid));
    if (!process || identity_of(*pid) != recorded) return;
    const auto mount_namespace = open_mount_namespace(*pid);
    (void)kernel::send_signal(process.get(), SIGKILL);
    end_all_in(mount_namespace);
    // Behind a pidfd, "readable" is "has ended"; a process that hangs in the kernel must not hang us.
    constexpr int patience = 5000;  // milliseconds
    pollfd ended{process.get(), POLLIN, 0};
    ::poll(&ended, 1, patience);
}

}  // namespace minirun
