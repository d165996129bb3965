// Who a container's process is: USER, passwd and group, joined by NUL.
#include <algorithm>
#include <set>

#include "fuzz.hpp"
#include "model/user_database.hpp"

using namespace minirun;

namespace {

constexpr std::uint32_t max_id = 2147483647;

void check_ids(const std::vector<std::uint32_t>& ids) {
    for (const auto id : ids) fuzz::promise(id <= max_id, "ids have 31 bits");
    fuzz::promise(std::set<std::uint32_t>(ids.begin(), ids.end()).size() == ids.size(), "no id is there twice");
}

void check(const std::string& user, const ResolvedUser& resolved) {
    check_ids({resolved.uid});
    check_ids({resolved.gid});
    check_ids(resolved.additional_gids);
    fuzz::promise(resolved.home.starts_with('/'), "home is an absolute path");
    const auto name = user.substr(0, user.find(':'));
    if (const auto number = parse_number<std::uint32_t>(name))
        fuzz::promise(resolved.uid == *number, "a number is an id, never a name");
    if (user.empty()) fuzz::promise(resolved.uid == 0, "without a user it is root");
    const auto group = user.find(':') == std::string::npos ? std::string() : user.substr(user.find(':') + 1);
    if (const auto number = parse_number<std::uint32_t>(group))
        fuzz::promise(resolved.gid == *number, "a number is an id, never a name");
    if (!group.empty()) fuzz::promise(resolved.additional_gids.empty(), "a named group is the only one");
}

template <class Entry>
void check_entries(const std::vector<Entry>& entries) {
    for (const auto& entry : entries) {
        fuzz::promise(!entry.name.empty() && fuzz::is_printable(entry.name), "a name is a word");
        fuzz::promise(entry.name.find(':') == std::string::npos, "a name is one field");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto parts = fuzz::texts(data, size, 3);
    parts.resize(3);
    const auto &user = parts[0], &passwd = parts[1], &group = parts[2];
    check_entries(parse_passwd(passwd));
    check_entries(parse_group(group));
    if (const auto resolved = fuzz::unless_refused([&] { return resolve_user(user, passwd, group); }))
        check(user, *resolved);
    if (const auto ids = fuzz::unless_refused([&] { return resolve_groups(split(user, ':'), group); })) check_ids(*ids);
    return 0;
}
