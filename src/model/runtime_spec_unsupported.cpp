#include "model/runtime_spec_unsupported.hpp"

#include <linux/capability.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

constexpr std::string_view not_yet = "is not supported yet";

// Whether a value asks for anything. Engines write empty objects, empty lists and "" for what is not wanted.
bool asks_for_something(const JsonView& view) {
    if (!view.exists()) return false;
    const auto& value = view.json();
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_string()) return !value.get_ref<const std::string&>().empty();
    return value.is_number() || !value.empty();
}

void refuse(const JsonView& view, std::string_view why = not_yet) {
    if (asks_for_something(view)) view.complain(why);
}

// A wrong type has been told where the value was read.
std::vector<JsonView> elements(const JsonView& view) {
    return view.is_array() ? view.elements() : std::vector<JsonView>();
}
bool has_word(const JsonView& view, std::string_view word) {
    return view.is_string() && view.json().get_ref<const std::string&>() == word;
}

void other_platforms(const JsonView& root) {
    for (const auto* key : {"windows", "solaris", "vm", "zos", "freebsd"})
        if (const auto section = root[key]; section.exists())
            section.complain("minirun runs containers on Linux, this one is for another platform");
}

void mounts(const JsonView& list) {
    for (const auto& mount : elements(list)) {
        if (!mount.is_object()) continue;
        refuse(mount["uidMappings"], "an idmapped mount is not supported yet");
        refuse(mount["gidMappings"], "an idmapped mount is not supported yet");
        for (const auto& option : elements(mount["options"]))
            if (has_word(option, "idmap") || has_word(option, "ridmap"))
                option.complain("an idmapped mount is not supported yet");
    }
}

void personality(const JsonView& view) {
    if (!view.is_object()) return refuse(view);
    refuse(view["flags"], "flags of the personality are not supported yet");
}

void seccomp_notify(const JsonView& seccomp) {
    if (!seccomp.is_object()) return;
    const auto check = [](const JsonView& action) {
        if (has_word(action, "SCMP_ACT_NOTIFY")) action.complain("SCMP_ACT_NOTIFY is not supported yet");
    };
    check(seccomp["defaultAction"]);
    for (const auto& rule : elements(seccomp["syscalls"]))
        if (rule.is_object()) check(rule["action"]);
}

// Whether a list of what a device cgroup would allow keeps any device from the container. Later rules win.
bool denies_devices(const JsonView& rules) {
    bool denies = false;
    for (const auto& rule : rules.elements()) {
        if (!rule.is_object()) {
            rule.complain("expected an object");
            continue;
        }
        const auto allow = rule["allow"];
        if (!allow.exists()) allow.complain("is required");
        const bool every_device = !rule["type"].exists() || has_word(rule["type"], "a");
        if (!allow.boolean_or(true))
            denies = true;
        else if (every_device)
            denies = false;
    }
    return denies;
}

// Without a device cgroup, devices are kept from the container by its mounts, which are nodev, and by the lack of
// CAP_MKNOD; so a list that denies is only lost if there is CAP_MKNOD.
void device_rules(const JsonView& rules, const ContainerSpec& spec) {
    if (!denies_devices(rules) || !spec.process.capabilities) return;
    const auto& bounding = spec.process.capabilities->bounding;
    if (std::any_of(bounding.begin(), bounding.end(),
                    [](const std::string& name) { return capability_number(name) == CAP_MKNOD; }))
        rules.complain(
            "denying devices is not supported yet, and with CAP_MKNOD in .process.capabilities.bounding the container "
            "could make any device: drop CAP_MKNOD");
}

// Numbers that mean "no limit" to the engines that write them: 0 and -1.
bool is_no_limit(const JsonView& view) { return view.json().is_number() && view.json().get<double>() <= 0; }

void limits(const JsonView& controller) {
    if (!controller.is_object()) return refuse(controller, "limits are not supported yet");
    // They only say how limits are to be counted or set.
    constexpr std::array<std::string_view, 2> harmless{"useHierarchy", "checkBeforeUpdate"};
    for (const auto& [key, value] : controller.members()) {
        if (!value.exists() || std::find(harmless.begin(), harmless.end(), key) != harmless.end()) continue;
        // A swappiness of 0 is one.
        if (is_no_limit(value) && key != "swappiness") continue;
        refuse(value, "limits are not supported yet");
    }
}

void resources(const JsonView& view, const ContainerSpec& spec) {
    for (const auto& [key, value] : view.members()) {
        if (key == "devices")
            device_rules(value, spec);
        else if (key == "memory" || key == "cpu" || key == "pids" || key == "blockIO" || key == "network")
            limits(value);
        else if (key == "hugepageLimits" || key == "rdma" || key == "unified")
            refuse(value, "limits are not supported yet");
    }
}

void linux_section(const JsonView& view, const ContainerSpec& spec) {
    if (!view.is_object()) return;
    for (const auto* key : {"intelRdt", "netDevices", "memoryPolicy", "mountLabel"}) refuse(view[key]);
    personality(view["personality"]);
    seccomp_notify(view["seccomp"]);
    resources(view["resources"], spec);
}

}  // namespace

void complain_about_unsupported(const JsonView& root, const ContainerSpec& spec) {
    other_platforms(root);
    mounts(root["mounts"]);
    linux_section(root["linux"], spec);
}

}  // namespace minirun
