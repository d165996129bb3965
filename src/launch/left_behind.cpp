#include "launch/left_behind.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/mount.hpp"
#include "kernel/proc_file.hpp"
#include "kernel/process.hpp"
#include "plan/builder.hpp"

namespace minirun {
namespace {

Fd open_mount_namespace_of(std::string_view process) {
    return Fd(::open(cat("/proc/", process, "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
}

// Its number for ever where the kernel has one (Linux 6.11); otherwise that of its inode, which is its own as long as
// it is open.
std::uint64_t number_of(const Fd& mount_namespace) {
    if (const auto id = kernel::mount_namespace_id(mount_namespace.get())) return id.value();
    struct stat info {};
    return ::fstat(mount_namespace.get(), &info) == 0 ? info.st_ino : 0;
}

// Kills what is there now; whether there was anything. A zombie has no namespaces any more.
bool kill_all_in(std::uint64_t mount_namespace) {
    bool found = false;
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
    while (const dirent* entry = processes ? ::readdir(processes.get()) : nullptr) {
        const auto pid = parse_number<pid_t>(entry->d_name);
        if (!pid) continue;
        // Opened before it is looked at: the number may be another process's a moment later.
        const Fd process(kernel::open_process(*pid));
        const auto its_namespace = open_mount_namespace_of(entry->d_name);
        if (process && its_namespace && number_of(its_namespace) == mount_namespace)
            found = kernel::send_signal(process.get(), SIGKILL).ok() || found;
    }
    return found;
}

// No container's: whatever a record says, this machine's own processes are left alone.
bool is_of_the_host(std::uint64_t mount_namespace) {
    return mount_namespace == number_of(open_mount_namespace_of("self")) ||
           mount_namespace == number_of(open_mount_namespace_of("1"));
}

// Again as long as there are some: one may have forked while we looked. But not for ever: one that hangs in the kernel
// dies when it comes back from there.
void end_all_in(std::uint64_t mount_namespace) {
    if (mount_namespace == 0 || is_of_the_host(mount_namespace)) return;
    for (int round = 0; round < 500 && kill_all_in(mount_namespace); round++)
        if (round > 10) ::usleep(10000);
}

std::string read_boot() {
    const auto id = kernel::read_proc("/proc/sys/kernel/random/boot_id");
    return id.substr(0, id.find('\n'));
}

// The same for as long as this process lives; but what could not be read once may be read later.
std::string this_boot() {
    static const std::string boot = read_boot();
    return boot.empty() ? read_boot() : boot;
}

std::string start_time_of(std::string_view pid) {
    return kernel::ProcessStat(pid).field(kernel::ProcessStat::start_time);
}

bool is_zombie(std::string_view pid) {
    const auto state = kernel::ProcessStat(pid).field(kernel::ProcessStat::state);
    return state == "Z" || state == "X";
}

// A record of this boot: number, start time, boot, mount namespace; otherwise empty.
std::vector<std::string> read_record(const std::string& path) {
    auto record = split(read_link(path), ' ');
    return record.size() == 4 && record[2] == this_boot() ? record : std::vector<std::string>();
}

Fd open_recorded(const std::vector<std::string>& record) {
    const auto pid = record.empty() ? std::nullopt : parse_number<pid_t>(record[0]);
    // Opened before it is looked at: the number may be another process's a moment later.
    Fd process(pid ? kernel::open_process(*pid) : -1);
    if (process && start_time_of(record[0]) != record[1]) process.reset();
    return process;
}

}  // namespace

Stragglers::Stragglers(Fd mount_namespace, const ContainerSpec& spec) {
    if (!has_new_namespace(spec, NamespaceType::pid) && has_new_namespace(spec, NamespaceType::mount))
        mount_namespace_ = std::move(mount_namespace);
}

Stragglers::~Stragglers() {
    if (mount_namespace_) end_all_in(number_of(mount_namespace_));
}

Fd open_mount_namespace(pid_t pid) { return open_mount_namespace_of(cat(pid)); }

SysStatus record_process(const char* path, pid_t pid, const Fd& mount_namespace) {
    const auto id = mount_namespace ? kernel::mount_namespace_id(mount_namespace.get()).value() : 0;
    const auto record = cat(pid, ' ', start_time_of(cat(pid)), ' ', this_boot(), ' ', id);
    return libc_status(::symlink(record.c_str(), path));
}

SysStatus record_process_again(const std::string& path, pid_t pid, const Fd& mount_namespace) {
    const auto other = path + ".new";
    ::unlink(other.c_str());
    const auto recorded = record_process(other.c_str(), pid, mount_namespace);
    return recorded ? libc_status(::rename(other.c_str(), path.c_str())) : recorded;
}

Fd open_recorded_process(const std::string& path) {
    const auto record = read_record(path);
    auto process = open_recorded(record);
    if (process && is_zombie(record[0])) process.reset();
    return process;
}

pid_t recorded_pid(const std::string& path) {
    const auto record = read_record(path);
    return record.empty() ? 0 : parse_number<pid_t>(record[0]).value_or(0);
}

void end_recorded_process(const std::string& path) {
    const auto record = read_record(path);
    if (record.empty()) return;
    if (const auto process = open_recorded(record)) {
        (void)kernel::send_signal(process.get(), SIGKILL);
        // A process that hangs in the kernel must not hang us.
        constexpr int patience = 5000;  // milliseconds
        (void)kernel::await_end(process.get(), patience);
    }
    end_all_in(parse_number<std::uint64_t>(record[3]).value_or(0));
}

}  // namespace minirun
