#include "cgroup/control.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cgroup/device_program.hpp"
#include "cgroup/device_rules.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string trimmed(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

SysStatus write_text(const std::string& path, std::string_view value) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return SysStatus::failure(errno);
    return libc_status(static_cast<int>(::write(file.get(), value.data(), value.size())));
}

// Each by itself: one that cannot be handed on (cpu where real-time processes are) must not keep the others back. What
// fails shows when a file of it is missing.
void hand_controllers_on(const std::string& path) {
    const auto enabled = ' ' + trimmed(read_kernel_file(path + "/cgroup.subtree_control")) + ' ';
    for (const auto& controller : split(trimmed(read_kernel_file(path + "/cgroup.controllers")), ' '))
        if (!controller.empty() && enabled.find(' ' + controller + ' ') == std::string::npos)
            (void)write_text(path + "/cgroup.subtree_control", '+' + controller);
}

void inherit_cpuset(const std::string& path) {
    for (const auto* file : {"/cpuset.cpus", "/cpuset.mems"})
        if (trimmed(read_kernel_file(path + file)).empty())
            (void)write_text(path + file, trimmed(read_kernel_file(parent_of(path) + file)));
}

// The paths from below the mount to the last.
std::vector<std::string> steps_down(const std::string& mount, const std::string& path) {
    std::vector<std::string> all;
    for (auto slash = path.find('/', mount.size() + 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        all.push_back(path.substr(0, slash));
    all.push_back(path);
    return all;
}

// EEXIST: the last one was there.
SysStatus make_one_by_one(const std::string& mount, const std::string& path, bool v2) {
    if (v2) hand_controllers_on(mount);
    bool is_new = false;
    for (const auto& step : steps_down(mount, path)) {
        is_new = ::mkdir(step.c_str(), 0755) == 0;
        if (!is_new && errno != EEXIST) return SysStatus::failure(errno);
        if (v2 && step != path) hand_controllers_on(step);
        if (!v2 && ::access((step + "/cpuset.cpus").c_str(), F_OK) == 0) inherit_cpuset(step);
    }
    return is_new ? SysStatus::success() : SysStatus::failure(EEXIST);
}

// The kernel keeps memory in pages.
bool is_the_same(std::string_view file, const std::string& now, std::string_view value) {
    if (now == value) return true;
    const auto has = parse_number<std::uint64_t>(now), wants = parse_number<std::uint64_t>(value);
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const bool is_memory = file.find("/memory.") != std::string::npos;
    return has && wants && is_memory && *has == *wants / page * page;
}

std::optional<std::int64_t> read_limit(const CgroupPlace& place, std::string_view controller, const char* file) {
    const auto* directory = place.find(controller);
    if (directory == nullptr) return std::nullopt;
    const auto text = trimmed(read_kernel_file(cat(directory->path, '/', file)));
    const auto first = text.substr(0, text.find(' '));
    if (first == "max") return -1;
    const auto number = parse_number<std::int64_t>(first);
    // v1's "no limit" is the largest number of whole pages.
    constexpr std::int64_t none = INT64_MAX / 65536 * 65536;
    return number && *number >= none ? -1 : number;
}

}  // namespace

bool may_be_made(const CgroupPlace& place) {
    return std::all_of(place.directories.begin(), place.directories.end(), [](const CgroupDirectory& one) {
        auto there = one.path;
        while (there.size() > one.mount.size() && ::access(there.c_str(), F_OK) < 0) there = parent_of(there);
        return ::access(there.c_str(), W_OK) == 0;
    });
}

SysStatus make_cgroup(const std::string& mount, const std::string& path, bool v2) {
    // Whoever leaves minirun's place empty removes it, perhaps at this very moment.
    auto made = SysStatus::failure(ENOENT);
    for (int attempt = 0; attempt < 100 && made.error() == ENOENT; attempt++) made = make_one_by_one(mount, path, v2);
    if (made.error() != EEXIST) return made;
    const bool occupied = !read_kernel_file(path + "/cgroup.procs").empty();
    return occupied ? SysStatus::failure(EEXIST) : SysStatus::success();
}

SysStatus delegate_cgroup(const std::string& path, uid_t uid) {
    const auto keep_group = static_cast<gid_t>(-1);
    if (::chown(path.c_str(), uid, keep_group) < 0) return SysStatus::failure(errno);
    auto files = split(trimmed(read_kernel_file("/sys/kernel/cgroup/delegate")), '\n');
    if (files.size() == 1 && files[0].empty()) files = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"};
    // Not every controller that the kernel knows is in use here.
    for (const auto& file : files)
        if (::chown(cat(path, '/', file).c_str(), uid, keep_group) < 0 && errno != ENOENT)
            return SysStatus::failure(errno);
    return SysStatus::success();
}

std::string cgroup_of_member(const CgroupPlace& place, pid_t process) {
    const auto* v2 = place.v2();
    if (v2 == nullptr || trimmed(read_kernel_file(v2->path + "/cgroup.subtree_control")).empty()) return "";
    const auto start = cat("0::", place.name, '/');
    for (const auto& line : split(read_kernel_file(cat("/proc/", process, "/cgroup")), '\n'))
        if (line.starts_with(start)) return line.substr(start.size());
    return "";
}

SysStatus write_cgroup_file(const std::string& path, std::string_view value) {
    const bool is_limit = path.ends_with("limit_in_bytes");
    if (is_limit && is_the_same(path, trimmed(read_kernel_file(path)), value)) return SysStatus::success();
    return write_text(path, value);
}

void apply_settings(const CgroupPlace& place, const std::vector<CgroupSetting>& settings) {
    for (const auto& one : settings) {
        const auto* directory = place.find(one.controller);
        const auto path = cat(directory == nullptr ? "" : directory->path, '/', one.file);
        const auto done = directory == nullptr ? SysStatus::failure(ENOENT) : write_cgroup_file(path, one.value);
        if (done) continue;
        const bool in_use = done.error() == EBUSY && one.controller == "memory";
        throw system_error(cat("cannot set ", one.key, ": writing ", quote(one.value), " to ", quote(path)),
                           done.error(),
                           in_use ? "the container uses more than that: choose a higher limit, or stop it first" : "");
    }
}

CurrentLimits current_limits(const CgroupPlace& place) {
    const bool v2 = place.unified();
    CurrentLimits current;
    current.memory = read_limit(place, "memory", v2 ? "memory.max" : "memory.limit_in_bytes");
    current.memory_swap = read_limit(place, "memory", v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
    if (!v2 && current.memory_swap == -1) current.memory_swap = INT64_MAX;
    if (!v2) return current;
    current.cpu_quota = read_limit(place, "cpu", "cpu.max");
    if (const auto* cpu = place.find("cpu")) {
        const auto fields = split(trimmed(read_kernel_file(cpu->path + "/cpu.max")), ' ');
        if (fields.size() == 2) current.cpu_period = parse_number<std::uint64_t>(fields[1]);
    }
    return current;
}

void apply_device_rules(const CgroupPlace& place, const std::vector<DeviceRule>& rules, const std::string& where) {
    if (place.unified()) {
        const Fd cgroup(::open(place.directories[0].path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const auto done =
            cgroup ? attach_device_program(cgroup.get(), device_program(rules)) : SysStatus::failure(errno);
        if (!done) throw system_error(cat("cannot attach the device rules to ", quote(place.name)), done.error());
        return;
    }
    const auto* devices = place.find("devices");
    if (devices == nullptr)
        throw Error(ErrorKind::unsupported,
                    cat(where, " needs the cgroup controller devices, which this host does not have"));
    for (const auto& line : device_lines(rules, where))
        if (const auto done = write_text(devices->path + (line.allow ? "/devices.allow" : "/devices.deny"), line.text);
            !done)
            throw system_error(cat("cannot write the device rule ", quote(line.text)), done.error());
}

void add_process(const CgroupPlace& place, pid_t pid) {
    for (const auto& one : place.directories)
        if (const auto done = write_text(one.path + "/cgroup.procs", cat(pid)); !done)
            throw system_error(cat("cannot move process ", pid, " to the cgroup ", quote(one.path)), done.error());
}

}  // namespace minirun
