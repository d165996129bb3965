#include "cgroup/setting_list.hpp"

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {

void SettingList::add(const std::string& controller, const std::string& file, const std::string& value,
                      const std::string& key) {
    if (controller.empty() || layout_.find(controller) != nullptr) {
        settings_.list.push_back({controller, file, value, path_ + key});
        return;
    }
    if (value == "max" || value == "-1") return;
    missing_ = true;
    problem(key, cat("needs the cgroup controller ", controller, ", which this host does not have"));
}

void SettingList::problem(std::string_view key, std::string_view what) {
    problems_.push_back(cat(path_, key, ' ', what));
}

void SettingList::notice(std::string_view key, std::string_view what) {
    settings_.notices.push_back(cat(path_, key, ' ', what));
}

CgroupSettings SettingList::finish(const std::string& file) {
    if (problems_.empty()) return std::move(settings_);
    const std::string hint =
        missing_ ? "leave the limit away, or boot a kernel that has the controller and mounts it" : "";
    throw Error(missing_ ? ErrorKind::unsupported : ErrorKind::bad_input,
                cat(file.empty() ? "" : file + ": ", join(problems_, "; ")), hint);
}

}  // namespace minirun
