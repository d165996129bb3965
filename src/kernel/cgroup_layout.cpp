#include "kernel/cgroup_layout.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace minirun {
namespace {

struct MountLine {
    std::string root, point, type;
    std::vector<std::string> super_options;
};

// Spaces, tabs, newlines and backslashes are written as "\040" and the like.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        const auto digits = text[i] == '\\' && i + 3 < text.size() ? text.substr(i + 1, 3) : std::string_view();
        if (digits.size() == 3 && digits.find_first_not_of("01234567") == std::string_view::npos) {
            out += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

// proc_pid_mountinfo(5): "36 35 98:0 ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPER-OPTIONS".
std::vector<MountLine> cgroup_mounts(std::string_view mountinfo) {
    std::vector<MountLine> all;
    for (const auto& line : split(mountinfo, '\n')) {
        const auto fields = split(line, ' ');
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (fields.end() - dash < 4 || dash - fields.begin() < 6) continue;
        if (dash[1] == "cgroup" || dash[1] == "cgroup2")
            all.push_back({unescaped(fields[3]), unescaped(fields[4]), dash[1], split(dash[3], ',')});
    }
    return all;
}

// "4:cpu,cpuacct:/path" of v1, "1:name=systemd:/", "0::/path" of v2. Controllers -> path; v2's are "".
std::map<std::string, std::string> own_paths(std::string_view own_cgroups) {
    std::map<std::string, std::string> all;
    for (const auto& line : split(own_cgroups, '\n')) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        for (const auto& controller : split(line.substr(first + 1, second - first - 1), ','))
            all[controller] = line.substr(second + 1);
    }
    return all;
}

// As it is seen through a mount of only a part of the hierarchy.
std::string below_mount(std::string_view path, std::string_view mount_root) {
    if (mount_root == "/") return std::string(path);
    if (!path.starts_with(mount_root)) return "/";
    const auto rest = path.substr(mount_root.size());
    return rest.empty() || rest[0] != '/' ? "/" : std::string(rest);
}

// Its file is in every cgroup but the root.
bool has_bfq_weight(const std::string& mount, const char* file) {
    const std::unique_ptr<DIR, int (*)(DIR*)> groups(::opendir(mount.c_str()), ::closedir);
    while (const dirent* entry = groups ? ::readdir(groups.get()) : nullptr)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            return ::access(cat(mount, '/', entry->d_name, '/', file).c_str(), F_OK) == 0;
    return false;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> all;
    for (const auto& word : split(text.substr(0, text.find('\n')), ' '))
        if (!word.empty()) all.push_back(word);
    return all;
}

}  // namespace

const CgroupHierarchyMount* CgroupLayout::find(std::string_view controller) const noexcept {
    for (const auto& one : hierarchies) {
        // Beside v1, what v2 may still have is handed on to no one: that would be another configuration of the host.
        if (one.v2 && !unified()) continue;
        if (std::find(one.controllers.begin(), one.controllers.end(), controller) != one.controllers.end()) return &one;
    }
    return nullptr;
}

const CgroupHierarchyMount* CgroupLayout::v2() const noexcept {
    for (const auto& one : hierarchies)
        if (one.v2) return &one;
    return nullptr;
}

std::string read_kernel_file(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    char block[4096];
    for (ssize_t n = 0; file && (n = ::read(file.get(), block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(n));
    return text;
}

CgroupLayout cgroup_layout(std::string_view mountinfo, std::string_view own_cgroups, const std::string& root) {
    CgroupLayout layout;
    const auto own = own_paths(own_cgroups);
    for (const auto& line : cgroup_mounts(mountinfo)) {
        CgroupHierarchyMount one;
        one.mount = line.point;
        one.v2 = line.type == "cgroup2";
        if (one.v2) one.controllers = words(read_kernel_file(cat(root, line.point, "/cgroup.controllers")));
        for (const auto& option : line.super_options)
            if (!one.v2 && own.contains(option)) one.controllers.push_back(option);
        // A second mount of the same hierarchy shows nothing new.
        const bool known = std::any_of(layout.hierarchies.begin(), layout.hierarchies.end(), [&](const auto& earlier) {
            return earlier.v2 == one.v2 && earlier.controllers == one.controllers;
        });
        if (known || (one.controllers.empty() && !one.v2)) continue;
        const auto path = own.find(one.v2 ? "" : one.controllers[0]);
        one.own = path == own.end() ? "/" : below_mount(path->second, line.root);
        layout.hierarchies.push_back(std::move(one));
    }
    const auto io = layout.find(layout.unified() ? "io" : "blkio");
    layout.bfq_weight =
        io != nullptr && has_bfq_weight(root + io->mount, io->v2 ? "io.bfq.weight" : "blkio.bfq.weight");
    return layout;
}

const CgroupLayout& probe_cgroups() {
    static const auto layout =
        cgroup_layout(read_kernel_file("/proc/self/mountinfo"), read_kernel_file("/proc/self/cgroup"), "");
    return layout;
}

}  // namespace minirun
