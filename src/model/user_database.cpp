#include "model/user_database.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Engines agree on ids of 31 bits: a larger one was once cut down to 0, which is root (CVE-2024-40635), and
// 4294967295 means "leave it as it is" to setresuid(2).
constexpr std::uint32_t max_id = 2147483647;

// Caps for hostile files. A group may have very many members; the others are short.
constexpr std::size_t max_passwd_line = 64 << 10;
constexpr std::size_t max_group_line = 1 << 20;
constexpr std::size_t max_name = 256;  // LOGIN_NAME_MAX of Linux

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

// Leading and trailing blanks are no part of a line (glibc), nor is the CR of an editor on another system.
std::string_view trim(std::string_view line) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// A name in the first field. "+" and "-" begin an entry of NIS, which means nothing here.
bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= max_name && name[0] != '+' && name[0] != '-';
}

// The fields of each line that can be an entry; a line with a control character (NUL too) is none.
template <class Use>
void each_line(std::string_view text, std::size_t max_line, const Use& use) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line[0] == '#' || line.size() > max_line) continue;
        if (std::any_of(line.begin(), line.end(), is_control)) continue;
        use(split(line, ':'));
    }
}

struct Named {
    std::string_view user, group;
};
Named split_user(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

[[noreturn]] void refuse_id(std::string_view what, std::string_view id) {
    throw Error(ErrorKind::bad_input, cat(what, " id ", quote(id), " is out of range"),
                cat("ids go from 0 to ", max_id));
}

// Whether it is meant as a number. A sign makes it no name either: no system has a user "-1".
bool looks_numeric(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint32_t checked_id(std::string_view what, std::string_view text) {
    const auto id = parse_number<std::uint32_t>(text);
    if (!id || *id > max_id) refuse_id(what, text);
    return *id;
}

// An id that the file gives to a name.
std::uint32_t checked_entry_id(std::string_view what, std::string_view name, std::uint32_t id) {
    if (id <= max_id) return id;
    throw Error(ErrorKind::bad_input, cat("the image gives ", what, ' ', quote(name), " the id ", id, ", out of range"),
                cat("ids go from 0 to ", max_id));
}

const PasswdEntry* find_user(const std::vector<PasswdEntry>& entries, std::string_view user) {
    const auto by_name = [&](const PasswdEntry& entry) { return entry.name == user; };
    const auto by_id = [id = parse_number<std::uint32_t>(user).value_or(0)](const PasswdEntry& entry) {
        return entry.uid == id;
    };
    const auto found = user.empty() || looks_numeric(user) ? std::find_if(entries.begin(), entries.end(), by_id)
                                                           : std::find_if(entries.begin(), entries.end(), by_name);
    return found == entries.end() ? nullptr : &*found;
}

std::uint32_t find_group(const std::vector<GroupEntry>& entries, std::string_view group) {
    if (looks_numeric(group)) return checked_id("group", group);
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const GroupEntry& entry) { return entry.name == group; });
    if (found != entries.end()) return checked_entry_id("group", group, found->gid);
    throw Error(ErrorKind::bad_input, cat("group ", quote(group), " is not in the image's /etc/group"),
                "give a group that the image has, or a numeric group id");
}

bool has_line_of(std::string_view text, std::string_view name) {
    const auto start = cat(name, ':');
    return text.starts_with(start) || text.find('\n' + start) != std::string_view::npos;
}

// Ids in the order in which they come, none twice.
class UniqueIds {
public:
    void add(std::uint32_t id) {
        if (seen_.insert(id).second) ids_.push_back(id);
    }
    std::vector<std::uint32_t> take() { return std::move(ids_); }

private:
    std::vector<std::uint32_t> ids_;
    std::unordered_set<std::uint32_t> seen_;
};

std::vector<std::uint32_t> groups_with_member(const std::vector<GroupEntry>& entries, std::string_view member) {
    UniqueIds ids;
    for (const auto& entry : entries) {
        if (std::find(entry.members.begin(), entry.members.end(), member) == entry.members.end()) continue;
        ids.add(checked_entry_id("group", entry.name, entry.gid));
    }
    return ids.take();
}

}  // namespace

std::vector<PasswdEntry> parse_passwd(std::string_view text) {
    // A name that comes again counts for its id only: by name the first one is found.
    std::vector<PasswdEntry> entries;
    each_line(text, max_passwd_line, [&](std::vector<std::string> fields) {
        // name:password:uid:gid, then what hand-written files leave out: comment, home and shell.
        if (fields.size() < 4 || fields.size() > 7 || !is_name(fields[0])) return;
        const auto uid = parse_number<std::uint32_t>(fields[2]);
        const auto gid = parse_number<std::uint32_t>(fields[3]);
        if (!uid || !gid) return;
        entries.push_back({std::move(fields[0]), *uid, *gid, fields.size() > 5 ? std::move(fields[5]) : ""});
    });
    return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
    std::vector<GroupEntry> entries;
    std::unordered_set<std::string> names;
    each_line(text, max_group_line, [&](std::vector<std::string> fields) {
        // name:password:gid and the members, without which hand-written files end.
        if (fields.size() < 3 || fields.size() > 4 || !is_name(fields[0])) return;
        const auto gid = parse_number<std::uint32_t>(fields[2]);
        if (!gid || !names.insert(fields[0]).second) return;
        GroupEntry entry{std::move(fields[0]), *gid, {}};
        if (fields.size() > 3) entry.members = split(fields[3], ',');
        std::erase(entry.members, std::string());
        entries.push_back(std::move(entry));
    });
    return entries;
}

ResolvedUser resolve_user(std::string_view user, std::string_view passwd_text, std::string_view group_text) {
    const auto named = split_user(user);
    ResolvedUser resolved;
    if (looks_numeric(named.user)) resolved.uid = checked_id("user", named.user);

    const auto users = parse_passwd(passwd_text);
    if (const auto* entry = find_user(users, named.user)) {
        resolved.uid = checked_entry_id("user", entry->name, entry->uid);
        resolved.gid = entry->gid;
        resolved.name = entry->name;
        if (entry->home.starts_with('/')) resolved.home = entry->home;
    } else if (!named.user.empty() && !looks_numeric(named.user)) {
        if (has_line_of(passwd_text, named.user))
            throw Error(ErrorKind::bad_input,
                        cat("the line of user ", quote(named.user), " in the image's /etc/passwd is malformed"),
                        "expected name:password:uid:gid:comment:home:shell; or give a numeric user id");
        throw Error(ErrorKind::bad_input, cat("user ", quote(named.user), " is not in the image's /etc/passwd"),
                    "give a user that the image has, or a numeric user id");
    }

    const auto groups = parse_group(group_text);
    if (!named.group.empty()) {
        resolved.gid = find_group(groups, named.group);
        return resolved;
    }
    if (!resolved.name) return resolved;
    resolved.gid = checked_entry_id("the group of user", *resolved.name, resolved.gid);
    resolved.additional_gids = groups_with_member(groups, *resolved.name);
    return resolved;
}

std::vector<std::uint32_t> resolve_groups(const std::vector<std::string>& groups, std::string_view group_text) {
    const auto entries = parse_group(group_text);
    UniqueIds ids;
    for (const auto& group : groups) ids.add(find_group(entries, group));
    return ids.take();
}

}  // namespace minirun
