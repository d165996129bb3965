// Collects settings, and what stands against them.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "cgroup/settings.hpp"

namespace minirun {

class SettingList {
public:
    SettingList(const CgroupLayout& layout, std::string path) : layout_(layout), path_(std::move(path)) {}

    /// A setting of a controller that the host lacks is a problem, unless it takes a limit away that is not there.
    void add(const std::string& controller, const std::string& file, const std::string& value, const std::string& key);
    void problem(std::string_view key, std::string_view what);
    void notice(std::string_view key, std::string_view what);
    /// Throws if there are problems.
    CgroupSettings finish(const std::string& file);

private:
    const CgroupLayout& layout_;
    std::string path_;
    CgroupSettings settings_;
    std::vector<std::string> problems_;
    bool missing_ = false;
};

}  // namespace minirun
