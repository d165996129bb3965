#include "model/runtime_spec_unsupported.hpp"

#include "base/text.hpp"

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

// Of a container for several platforms, this one counts.
void other_platforms(const JsonView& root) {
    if (root["linux"].exists()) return;
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

void linux_section(const JsonView& view) {
    if (!view.is_object()) return;
    for (const auto* key : {"intelRdt", "netDevices", "memoryPolicy", "mountLabel"}) refuse(view[key]);
    personality(view["personality"]);
    seccomp_notify(view["seccomp"]);
}

}  // namespace

void complain_about_unsupported(const JsonView& root) {
    other_platforms(root);
    mounts(root["mounts"]);
    linux_section(root["linux"]);
}

}  // namespace minirun
