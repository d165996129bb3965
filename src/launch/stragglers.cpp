#include "launch/stragglers.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <csignal>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "plan/builder.hpp"

namespace minirun {
namespace {

ino_t mount_namespace_of(std::string_view process) {
    struct stat info {};
    return ::stat(cat("/proc/", process, "/ns/mnt").c_str(), &info) == 0 ? info.st_ino : 0;
}

// Kills what is there now; whether there was anything. A zombie has no namespaces any more.
bool kill_all_in(ino_t mount_namespace) {
    bool found = false;
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
    while (const dirent* entry = processes ? ::readdir(processes.get()) : nullptr) {
        const auto pid = parse_number<pid_t>(entry->d_name);
        if (!pid) continue;
        // Opened before it is looked at: the number may be another process's a moment later.
        const Fd process(kernel::open_process(*pid));
        if (!process || mount_namespace_of(entry->d_name) != mount_namespace) continue;
        found = kernel::send_signal(process.get(), SIGKILL).ok() || found;
    }
    return found;
}

}  // namespace

Stragglers::Stragglers(pid_t pid, const ContainerSpec& spec) {
    if (!has_new_namespace(spec, NamespaceType::pid)) mount_namespace_ = mount_namespace_of(cat(pid));
}

Stragglers::~Stragglers() {
    // Again as long as there are some: one may have forked while we looked.
    while (mount_namespace_ != 0 && kill_all_in(mount_namespace_)) continue;
}

}  // namespace minirun
