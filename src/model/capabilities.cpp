#include "model/capabilities.hpp"

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "model/defaults.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << number; }

struct Named {
    bool all = false;
    std::uint64_t set = 0;
};
Named read_names(std::string_view option, const std::vector<std::string>& names) {
    Named named;
    for (const auto& name : names) {
        if (name == "ALL" || name == "all") {
            named.all = true;
            continue;
        }
        const auto number = capability_number(name);
        if (!number)
            throw option_error(option, name, "there is no such capability",
                               "capabilities(7) lists them: NET_ADMIN, SYS_PTRACE, …; or ALL");
        named.set |= bit(*number);
    }
    return named;
}

std::uint64_t default_set() {
    std::uint64_t set = 0;
    for (const auto& name : default_capabilities()) set |= bit(capability_number(name).value_or(0));
    return set;
}

std::uint64_t known_set() { return (bit(last_known_capability()) << 1) - 1; }

// As Docker: what is added by name wins over what is dropped, what is dropped by name wins over ALL.
std::uint64_t resulting_set(const RunOptions& options, std::uint64_t available) {
    const auto added = read_names("--cap-add", options.cap_add);
    const auto dropped = read_names("--cap-drop", options.cap_drop);
    const auto all = available & known_set();
    if (dropped.all) return added.all ? all : added.set;
    const auto basis = options.privileged || added.all ? all : default_set();
    return (basis & ~dropped.set) | added.set;
}

}  // namespace

CapabilitySpec container_capabilities(const RunOptions& options, std::uint32_t uid, std::uint64_t available) {
    const auto set = resulting_set(options, available);
    CapabilitySpec spec;
    for (int number = 0; number <= last_known_capability(); number++)
        if ((set & bit(number)) != 0) spec.bounding.push_back(capability_name(number));
    if (uid == 0) spec.effective = spec.permitted = spec.bounding;
    return spec;
}

}  // namespace minirun
