// The end of a cgroup: its processes found, stopped, ended, and the directories removed.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <set>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr useconds_t moment = 1000;  // microseconds

SysStatus write_text(const std::string& path, std::string_view value) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return SysStatus::failure(errno);
    return libc_status(static_cast<int>(::write(file.get(), value.data(), value.size())));
}

// A cgroup and those below it, the lowest first.
void for_each_cgroup(const std::string& path, const std::function<void(const std::string&)>& act) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return;
    while (const dirent* entry = ::readdir(directory.get()))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') for_each_cgroup(path + '/' + entry->d_name, act);
    act(path);
}

bool has_line(const std::string& path, std::string_view line) {
    const auto lines = split(read_kernel_file(path), '\n');
    for (const auto& one : lines)
        if (one == line) return true;
    return false;
}

// The file that freezes: of v2 in every cgroup, of v1 in the freezer's.
std::string freezer_file(const CgroupPlace& place) {
    if (place.unified()) return place.directories[0].path + "/cgroup.freeze";
    const auto* freezer = place.find("freezer");
    return freezer == nullptr ? "" : freezer->path + "/freezer.state";
}

std::string required_freezer(const CgroupPlace& place) {
    const auto file = freezer_file(place);
    if (file.empty())
        throw Error(ErrorKind::unsupported,
                    "cannot freeze the container: this host does not have the cgroup controller freezer");
    return file;
}

// A process that hangs in the kernel freezes when it comes back from there; one of v1 that is being traced may need to
// be asked twice.
void await(const CgroupPlace& place, const std::string& file, bool frozen) {
    for (int round = 0; round < 5000; round++) {
        if (is_frozen(place) == frozen) return;
        if (!place.unified() && round % 50 == 49) (void)write_text(file, frozen ? "FROZEN" : "THAWED");
        ::usleep(moment);
    }
    (void)write_text(file, place.unified() ? "0" : "THAWED");
    throw Error(ErrorKind::system, cat("the cgroup ", quote(place.name), " does not ", frozen ? "freeze" : "thaw"),
                "a process of it may hang in the kernel");
}

void set_frozen(const CgroupPlace& place, bool frozen) {
    const auto file = required_freezer(place);
    const std::string_view value = place.unified() ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
    if (const auto done = write_text(file, value); !done)
        throw system_error(cat("cannot ", frozen ? "freeze" : "thaw", " the cgroup ", quote(place.name)), done.error());
    await(place, file, frozen);
}

// By a descriptor, so that a number that is another process's by now is left alone. Whether it was there.
bool signal_process(const CgroupPlace& place, pid_t pid, int signal) {
    const Fd process(kernel::open_process(pid));
    if (!process) return false;
    const auto text = read_kernel_file(cat("/proc/", pid, "/cgroup"));
    return text.find(place.name) != std::string::npos && kernel::send_signal(process.get(), signal).ok();
}

bool kill_once(const CgroupPlace& place, int signal) {
    bool found = false;
    for (const auto pid : cgroup_processes(place)) found = signal_process(place, pid, signal) || found;
    return found;
}

// cgroup.kill (Linux 5.14) ends all at once, those that are just being forked too.
bool kill_by_the_kernel(const CgroupPlace& place) {
    return place.unified() && write_text(place.directories[0].path + "/cgroup.kill", "1").ok();
}

bool remove_tree_of_cgroups(const std::string& path) noexcept {
    for (int round = 0; round < 2000; round++) {
        bool gone = true;
        for_each_cgroup(path, [&](const std::string& one) {
            if (::rmdir(one.c_str()) < 0 && errno != ENOENT) gone = false;
        });
        if (gone) return true;
        // A process that has just ended is counted until all of it is gone.
        ::usleep(moment);
    }
    return false;
}

// From the one above `name` upwards.
void remove_empty_above(const std::string& mount, std::string name) {
    for (name.resize(name.rfind('/')); !name.empty(); name.resize(name.rfind('/')))
        if (::rmdir((mount + name).c_str()) < 0 && errno != ENOENT) return;
}

}  // namespace

void refuse_occupied(const CgroupPlace& place) {
    if (!cgroup_processes(place).empty())
        throw Error(ErrorKind::conflict, cat("the cgroup ", quote(place.name), " is in use: it has processes"),
                    "choose another one, or end what is in it");
}

std::vector<pid_t> cgroup_processes(const CgroupPlace& place) {
    std::set<pid_t> all;
    for (const auto& one : place.directories)
        for_each_cgroup(one.path, [&](const std::string& path) {
            for (const auto& line : split(read_kernel_file(path + "/cgroup.procs"), '\n'))
                // 0 is a process that our pid namespace does not see.
                if (const auto pid = parse_number<pid_t>(line); pid && *pid > 0) all.insert(*pid);
        });
    return {all.begin(), all.end()};
}

bool is_frozen(const CgroupPlace& place) {
    if (place.unified()) return has_line(place.directories[0].path + "/cgroup.events", "frozen 1");
    const auto file = freezer_file(place);
    return !file.empty() && has_line(file, "FROZEN");
}

void freeze_cgroup(const CgroupPlace& place) { set_frozen(place, true); }
void thaw_cgroup(const CgroupPlace& place) { set_frozen(place, false); }

bool kill_cgroup(const CgroupPlace& place, int signal) {
    bool found = kill_once(place, signal);
    if (signal != SIGKILL) return found;
    const auto freezer = freezer_file(place);
    for (int round = 0; round < 5000 && !cgroup_processes(place).empty(); round++) {
        if (!kill_by_the_kernel(place)) (void)kill_once(place, SIGKILL);
        // What is frozen on v1 dies when it is thawed.
        if (!freezer.empty() && !place.unified()) (void)write_text(freezer, "THAWED");
        ::usleep(moment);
    }
    return found;
}

bool remove_cgroup(const CgroupPlace& place) noexcept {
    try {
        // The kernel removes none that has anything in it.
        const auto remove_empty = [](const CgroupDirectory& one) {
            return ::rmdir(one.path.c_str()) == 0 || errno == ENOENT;
        };
        bool gone = true;
        for (const auto& one : place.directories) gone = remove_empty(one) && gone;
        if (!gone) kill_cgroup(place, SIGKILL);
        gone = true;
        for (const auto& one : place.directories) {
            gone = remove_tree_of_cgroups(one.path) && gone;
            if (place.name.starts_with("/minirun/")) remove_empty_above(one.mount, place.name);
        }
        return gone;
    } catch (...) {
        return false;  // out of memory
    }
}

bool remove_cgroup_of_name(const std::string& name) noexcept {
    try {
        return name.starts_with('/') && remove_cgroup(cgroup_place(probe_cgroups(), cgroup_name(name, "")));
    } catch (...) {
        return false;
    }
}

}  // namespace minirun
