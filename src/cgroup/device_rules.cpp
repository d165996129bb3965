#include "cgroup/device_rules.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

bool is_every_device(const DeviceRule& rule) {
    const bool all = std::all_of(std::begin("rwm"), std::end("rwm") - 1,
                                 [&](char letter) { return rule.access.find(letter) != std::string::npos; });
    return rule.type == 'a' && !rule.major && !rule.minor && all;
}

bool same_devices(const DeviceRule& a, const DeviceRule& b) {
    return a.type == b.type && a.major == b.major && a.minor == b.minor;
}

// Whether some device, in some way, is meant by both.
bool overlap(const DeviceRule& a, const DeviceRule& b) {
    const auto meet = [](const auto& x, const auto& y) { return !x || !y || *x == *y; };
    return a.type == b.type && meet(a.major, b.major) && meet(a.minor, b.minor) &&
           a.access.find_first_of(b.access) != std::string::npos;
}

// One default, and exceptions from it: what cgroup v1 can hold.
class Exceptions {
public:
    bool default_allow = false;
    std::vector<DeviceRule> list;

    // Whether v1 can do it.
    bool apply(const DeviceRule& rule) {
        if (is_every_device(rule)) {
            default_allow = rule.allow;
            list.clear();
            return true;
        }
        if (rule.type != 'a') return apply_to_one_type(rule);
        auto of_type = rule;
        of_type.type = 'c';
        const bool characters = apply_to_one_type(of_type);
        of_type.type = 'b';
        return apply_to_one_type(of_type) && characters;
    }

private:
    bool apply_to_one_type(const DeviceRule& rule) {
        const auto same =
            std::find_if(list.begin(), list.end(), [&](const DeviceRule& one) { return same_devices(one, rule); });
        if (rule.allow != default_allow) {
            if (same == list.end())
                list.push_back(rule);
            else
                for (const char letter : rule.access)
                    if (same->access.find(letter) == std::string::npos) same->access += letter;
            return true;
        }
        // Back to the default: only an exception for the very same devices can be taken back.
        if (same != list.end()) {
            std::erase_if(same->access, [&](char letter) { return rule.access.find(letter) != std::string::npos; });
            if (same->access.empty()) list.erase(same);
        }
        return std::none_of(list.begin(), list.end(), [&](const DeviceRule& one) { return overlap(one, rule); });
    }
};

DeviceRule allowed(char type, std::optional<std::uint32_t> major, std::optional<std::uint32_t> minor,
                   const char* access) {
    return {true, type, major, minor, access};
}

}  // namespace

std::vector<DeviceRule> with_default_devices(std::vector<DeviceRule> rules) {
    if (rules.empty()) return rules;
    const std::vector<DeviceRule> usual{
        allowed('c', {}, {}, "m"), allowed('b', {}, {}, "m"), allowed('c', 1, 3, "rwm"),    allowed('c', 1, 5, "rwm"),
        allowed('c', 1, 7, "rwm"), allowed('c', 1, 8, "rwm"), allowed('c', 1, 9, "rwm"),    allowed('c', 5, 0, "rwm"),
        allowed('c', 5, 1, "rwm"), allowed('c', 5, 2, "rwm"), allowed('c', 136, {}, "rwm"),
    };
    rules.insert(rules.end(), usual.begin(), usual.end());
    return rules;
}

std::string device_rule_text(const DeviceRule& rule) {
    const auto number = [](const std::optional<std::uint32_t>& one) { return one ? cat(*one) : std::string("*"); };
    return is_every_device(rule) ? "a"
                                 : cat(std::string_view(&rule.type, 1), ' ', number(rule.major), ':',
                                       number(rule.minor), ' ', rule.access);
}

std::vector<DeviceLine> device_lines(const std::vector<DeviceRule>& rules, const std::string& where) {
    Exceptions exceptions;
    for (std::size_t i = 0; i < rules.size(); i++)
        if (!exceptions.apply(rules[i]))
            throw Error(ErrorKind::unsupported,
                        cat(where, '[', i, "] takes a part of what an earlier rule ",
                            rules[i].allow ? "denies" : "allows", ", which cgroup v1 cannot do"),
                        "name the devices one by one, or use a host with cgroup v2");
    std::vector<DeviceLine> lines;
    if (rules.empty()) return lines;
    // A new cgroup has the rules of its parent; "a" takes all exceptions away with it.
    lines.push_back({exceptions.default_allow, "a"});
    for (const auto& one : exceptions.list) lines.push_back({!exceptions.default_allow, device_rule_text(one)});
    return lines;
}

}  // namespace minirun
