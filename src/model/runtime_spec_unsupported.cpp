#include "model/runtime_spec_unsupported.hpp"

#include "base/json.hpp"
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

// Of a container for several platforms, this one counts.
void other_platforms(const JsonView& root) {
    if (root["linux"].exists()) return;
    for (const auto* key : {"windows", "solaris", "vm", "zos", "freebsd"})
        if (const auto section = root[key]; section.exists())
            section.complain("minirun runs containers on Linux, this one is for another platform");
}

void personality(const JsonView& view) {
    if (!view.is_object()) return refuse(view);
    refuse(view["flags"], "the specification has no flags of the personality");
}

void linux_section(const JsonView& view) {
    if (!view.is_object()) return;
    refuse(view["intelRdt"], "Intel RDT is not supported: limit the container by .linux.resources");
    personality(view["personality"]);
}

}  // namespace

void complain_about_unsupported(const JsonView& root) {
    other_platforms(root);
    linux_section(root["linux"]);
}

}  // namespace minirun
