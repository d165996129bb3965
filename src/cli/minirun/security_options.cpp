#include "cli/minirun/security_options.hpp"

#include <algorithm>

#include "base/path.hpp"
#include "base/text.hpp"
#include "cli/minirun/run_values.hpp"
#include "model/defaults.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

void set_no_new_privileges(RunOptions& options, const std::string& given, const std::string& value) {
    if (!value.empty() && value != "true" && value != "false")
        throw option_error("--security-opt", given, "no-new-privileges is true or false");
    options.no_new_privileges = value != "false";
}
void set_seccomp(RunOptions& options, const std::string& given, const std::string& value) {
    if (value.empty())
        throw option_error("--security-opt", given, "expected a file with a seccomp profile, or unconfined");
    options.seccomp.reset();
    if (value == "unconfined")
        options.seccomp = value;
    else if (value != "builtin")
        options.seccomp = read_seccomp_file(value);
}
void add_paths(const std::string& given, const std::string& value, std::vector<std::string>& paths) {
    for (const auto& path : split(value, ':')) {
        if (!path.starts_with('/') && path != "ALL")
            throw option_error("--security-opt", given, cat(quote(path), " is no absolute path"),
                               "several are separated by ':'");
        paths.push_back(path == "ALL" ? path : clean_path(path));
    }
}

}  // namespace

void apply_security_option(RunOptions& options, MaskChanges& masks, const std::string& given) {
    const auto separator = given.find_first_of("=:");
    const auto key = given.substr(0, separator);
    const auto value = separator == std::string::npos ? std::string() : given.substr(separator + 1);
    if (key == "no-new-privileges") return set_no_new_privileges(options, given, value);
    if (key == "seccomp") return set_seccomp(options, given, value);
    if (key == "mask") return add_paths(given, value, masks.mask);
    if (key == "unmask") return add_paths(given, value, masks.unmask);
    if (key == "systempaths" && value == "unconfined") return masks.unmask.emplace_back("ALL"), void();
    // No LSM confines a container here: asked for none, there is none.
    if ((key == "apparmor" && value == "unconfined") || (key == "label" && value == "disable")) return;
    throw option_error("--security-opt", given,
                       key == "apparmor" || key == "label" ? "not supported yet" : "unknown security option",
                       "known are seccomp=FILE|unconfined, no-new-privileges=true|false, mask=PATH, unmask=PATH|ALL");
}

void settle_masks(RunOptions& options, const MaskChanges& masks) {
    if (masks.mask.empty() && masks.unmask.empty()) return;
    const auto all = std::find(masks.unmask.begin(), masks.unmask.end(), "ALL") != masks.unmask.end();
    const auto basis = [&](const std::vector<std::string>& paths) {
        return all || options.privileged ? std::vector<std::string>{} : paths;
    };
    auto masked = basis(default_masked_paths());
    auto readonly = basis(default_readonly_paths());
    for (const auto& path : masks.unmask) {
        if (path != "ALL" && std::erase(masked, path) + std::erase(readonly, path) == 0)
            throw option_error("--security-opt", cat("unmask=", path), "this path is neither masked nor read-only");
    }
    for (const auto& path : masks.mask) {
        if (path == "ALL") throw option_error("--security-opt", "mask=ALL", "ALL is for unmask: name the paths");
        if (std::find(masked.begin(), masked.end(), path) == masked.end()) masked.push_back(path);
    }
    options.masked_paths = std::move(masked);
    options.readonly_paths = std::move(readonly);
}

}  // namespace minirun
