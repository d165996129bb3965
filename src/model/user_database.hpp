// The image's own /etc/passwd and /etc/group, as text: who a container's process is.
//
// The files are hostile input: a line that is not wholly right is skipped as if it were not there, ids are strict
// 32-bit decimals, and of two entries with one name the first counts, as in getpwnam(3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

struct PasswdEntry {
    std::string name;
    std::uint32_t uid = 0, gid = 0;
    std::string home;
    bool operator==(const PasswdEntry&) const = default;
};
/// The well-formed entries of a passwd(5) text, in order, the first of each name.
std::vector<PasswdEntry> parse_passwd(std::string_view text);

struct GroupEntry {
    std::string name;
    std::uint32_t gid = 0;
    std::vector<std::string> members;
    bool operator==(const GroupEntry&) const = default;
};
/// The well-formed entries of a group(5) text, in order, the first of each name.
std::vector<GroupEntry> parse_group(std::string_view text);

struct ResolvedUser {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> additional_gids;  ///< in the order of the group file, none twice
    std::string home = "/";
    std::optional<std::string> name;  ///< as in the passwd text, if it is there
    bool operator==(const ResolvedUser&) const = default;
};

/// The user that "", "name", "uid", "name:group", "uid:gid", … stands for, as Docker resolves it.
///
/// A decimal is always an id, never a name, and needs no entry: an image in which a user *named* 1000 has uid 0 must
/// not get past a check that 1000 is not root. "" is uid 0. Supplementary groups are those whose member lists have
/// the user's name, and only if `user` names no group.
///
/// Throws Error{bad_input} for an unknown name and for ids over 2147483647.
ResolvedUser resolve_user(std::string_view user, std::string_view passwd_text, std::string_view group_text);

/// The ids of groups given by name or by id, in order, none twice (--group-add). Throws as resolve_user() does.
std::vector<std::uint32_t> resolve_groups(const std::vector<std::string>& groups, std::string_view group_text);

}  // namespace minirun
