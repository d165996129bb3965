#include "model/cgroup_place.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {

bool CgroupDirectory::has(std::string_view controller) const noexcept {
    return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

const CgroupDirectory* CgroupPlace::find(std::string_view controller) const noexcept {
    for (const auto& one : directories)
        if (one.v2 ? (unified() && (controller.empty() || one.has(controller))) : one.has(controller)) return &one;
    return nullptr;
}

const CgroupDirectory* CgroupPlace::v2() const noexcept {
    for (const auto& one : directories)
        if (one.v2) return &one;
    return nullptr;
}

std::string cgroup_name(std::string_view cgroups_path, std::string_view id) {
    // Right below the root: one that holds all of ours would be made and removed with every container that runs alone.
    if (cgroups_path.empty() && !id.empty()) return cat("/minirun-", id);
    std::string name = cgroups_path.starts_with('/') ? "" : "/minirun";
    std::size_t parts = 0;
    for (const auto& part : split(cgroups_path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..")
            throw Error(ErrorKind::bad_input,
                        cat("the cgroup ", quote(cgroups_path),
                            " has \"..\" in it: it must stay below the root of the cgroups"),
                        "name it without");
        name += '/' + part;
        parts++;
    }
    if (parts == 0)
        throw Error(
            ErrorKind::bad_input,
            cat("the cgroup ", quote(cgroups_path), " is the root, which has other processes and takes no limits"),
            "name one below it, like /minirun/NAME");
    return name;
}

CgroupPlace cgroup_place(const CgroupLayout& layout, const std::string& name,
                         const std::vector<std::string>& controllers) {
    CgroupPlace place{name, {}};
    for (const auto& one : layout.hierarchies) {
        const bool wanted = controllers.empty() || layout.unified() ||
                            std::any_of(controllers.begin(), controllers.end(),
                                        [&](const std::string& controller) { return layout.find(controller) == &one; });
        if (wanted) place.directories.push_back({one.mount, one.mount + name, one.controllers, one.v2});
    }
    return place;
}

}  // namespace minirun
