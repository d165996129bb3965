#include "model/user_database.hpp"

#include <doctest/doctest.h>

#include "minirun/error.hpp"

using namespace minirun;
using namespace std::string_literals;
using Ids = std::vector<std::uint32_t>;

namespace {

constexpr std::string_view passwd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    "app:x:1000:1001:An app,,,:/home/app:/bin/sh\n";
constexpr std::string_view group =
    "root:x:0:\n"
    "daemon:x:1:\n"
    "adm:x:4:root,app\n"
    "audio:x:29:app\n"
    "wheel:x:10:root\n"
    "app:x:1001:\n"
    "web:x:2000:other,app\n";

// The message and the hint of the error that resolving gives.
template <class Call>
std::string refusal(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::bad_input);
        return error.message() + " | " + error.hint();
    }
    return "no error";
}
std::string user_refusal(std::string_view user, std::string_view passwd_text = passwd,
                         std::string_view group_text = group) {
    return refusal([&] { resolve_user(user, passwd_text, group_text); });
}

}  // namespace

TEST_CASE("passwd: entries in order") {
    const auto entries = parse_passwd(passwd);
    REQUIRE(entries.size() == 4);
    CHECK(entries[0] == PasswdEntry{"root", 0, 0, "/root"});
    CHECK(entries[3] == PasswdEntry{"app", 1000, 1001, "/home/app"});
    CHECK(parse_passwd("").empty());
    CHECK(parse_passwd("\n\n").empty());
    CHECK(parse_passwd("a:x:1:2:::\nb:x:3:4:::").size() == 2);
}

TEST_CASE("passwd: blanks around a line, comments, and lines that end after the ids") {
    const auto entries =
        parse_passwd("# a comment\n  a:x:1:2:c:/a:/bin/sh \t\r\nb:x:3:4\nc:x:5:6:comment\n#d:x:7:8:::\n");
    REQUIRE(entries.size() == 3);
    CHECK(entries[0] == PasswdEntry{"a", 1, 2, "/a"});
    CHECK(entries[1] == PasswdEntry{"b", 3, 4, ""});
    CHECK(entries[2] == PasswdEntry{"c", 5, 6, ""});
}

TEST_CASE("passwd: a line that is not wholly right is no entry") {
    for (const auto& line : {"a"s,
                             "a:"s,
                             "a:x"s,
                             "a:x:1"s,
                             ":x:1:1:::"s,
                             "a:x::1:::"s,
                             "a:x:1::::"s,
                             "a:x:-1:1:::"s,
                             "a:x:+1:1:::"s,
                             "a:x: 1:1:::"s,
                             "a:x:1 :1:::"s,
                             "a:x:0x10:1:::"s,
                             "a:x:1.5:1:::"s,
                             "a:x:4294967296:1:::"s,
                             "a:x:1:4294967296:::"s,
                             "a:x:99999999999999999999:1:::"s,
                             "a:x:abc:1:::"s,
                             "a:x:1:1:::/bin/sh:more"s,
                             "+:x:1:1:::"s,
                             "+a:x:1:1:::"s,
                             "-a:x:1:1:::"s,
                             "a\0b:x:1:1:::"s,
                             "a:x:1\0:1:::"s,
                             "a\tb:x:1:1:::"s,
                             "a\x1b:x:1:1:::"s,
                             "a:x:1:1::/h\x7f:"s,
                             std::string(257, 'a') + ":x:1:1:::",
                             "a:x:1:1:" + std::string(70000, 'c') + "::"}) {
        CAPTURE(line.substr(0, 40));
        const auto entries = parse_passwd(line + "\nok:x:5:5::/:\n");
        REQUIRE(entries.size() == 1);
        CHECK(entries[0].name == "ok");
    }
}

TEST_CASE("passwd: the first of two entries with one name counts") {
    const auto entries = parse_passwd("a:x:7:7::/first:\na:x:0:0::/second:\n");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0] == PasswdEntry{"a", 7, 7, "/first"});
    // By its number the second one is found: it must not fall back to group 0.
    const std::string passwd = "a:x:5:5::/y:\na:x:56:57::/z:\n";
    CHECK(resolve_user("a", passwd, "").uid == 5);
    CHECK(resolve_user("56", passwd, "").gid == 57);
    CHECK(resolve_user("56", passwd, "").home == "/z");
    // A malformed line does not take the name.
    CHECK(parse_passwd("a:x:seven:7::/:\na:x:8:8::/:\n").at(0).uid == 8);
}

TEST_CASE("group: entries and members") {
    const auto entries = parse_group(group);
    REQUIRE(entries.size() == 7);
    CHECK(entries[2] == GroupEntry{"adm", 4, {"root", "app"}});
    CHECK(entries[0].members.empty());
    CHECK(parse_group("a:x:1").at(0) == GroupEntry{"a", 1, {}});
    CHECK(parse_group("a:x:1:b,,c,\n").at(0).members == std::vector<std::string>{"b", "c"});
    CHECK(parse_group("a:x:1:b\r\n# c:x:2:\na:x:3:d\n").size() == 1);
}

TEST_CASE("group: a malformed line is no entry, a long list of members is none the worse") {
    for (const auto& line : {"a"s, "a:x"s, ":x:1:"s, "a:x::"s, "a:x:-1:"s, "a:x:4294967296:"s, "a:x:1:b:c"s, "+:x:1:"s,
                             "a:x:1:b\0c"s, "a:x:1:" + std::string(2 << 20, 'm')}) {
        CAPTURE(line.substr(0, 40));
        CHECK(parse_group(line).empty());
    }
    std::string members;
    for (int i = 0; i < 20000; i++) members += "member" + std::to_string(i) + ",";
    CHECK(parse_group("big:x:9:" + members + "last\n").at(0).members.size() == 20001);
}

TEST_CASE("no user is uid 0 with its groups") {
    const auto user = resolve_user("", passwd, group);
    CHECK(user.uid == 0);
    CHECK(user.gid == 0);
    CHECK(user.home == "/root");
    CHECK(user.name == "root");
    CHECK(user.additional_gids == Ids{4, 10});
    CHECK(resolve_user("", "", "") == ResolvedUser{0, 0, {}, "/", std::nullopt});
    CHECK(resolve_user(":daemon", passwd, group).gid == 1);
}

TEST_CASE("a name: group from passwd, supplementary groups from the member lists") {
    const auto user = resolve_user("app", passwd, group);
    CHECK(user == ResolvedUser{1000, 1001, {4, 29, 2000}, "/home/app", "app"});
    CHECK(resolve_user("app:", passwd, group) == user);
    CHECK(resolve_user("nobody", passwd, group).additional_gids.empty());
}

TEST_CASE("an id takes the rest from its entry, or has none") {
    CHECK(resolve_user("1000", passwd, group) == ResolvedUser{1000, 1001, {4, 29, 2000}, "/home/app", "app"});
    CHECK(resolve_user("4711", passwd, group) == ResolvedUser{4711, 0, {}, "/", std::nullopt});
    CHECK(resolve_user("2147483647", "", "").uid == 2147483647);
    CHECK(resolve_user("0", passwd, group).home == "/root");
}

TEST_CASE("a group that is given leaves no supplementary groups") {
    CHECK(resolve_user("app:audio", passwd, group) == ResolvedUser{1000, 29, {}, "/home/app", "app"});
    CHECK(resolve_user("app:77", passwd, group).gid == 77);
    CHECK(resolve_user("1000:1000", passwd, group) == ResolvedUser{1000, 1000, {}, "/home/app", "app"});
    CHECK(resolve_user("4711:web", passwd, group) == ResolvedUser{4711, 2000, {}, "/", std::nullopt});
    CHECK(resolve_user("app:0", passwd, group).gid == 0);
}

TEST_CASE("a decimal is an id even where a user or group has it for a name") {
    const auto user = resolve_user("1000", "1000:x:0:0::/root:\nreal:x:1000:100::/real:\n", "");
    CHECK(user.uid == 1000);
    CHECK(user.name == "real");
    CHECK(resolve_user("1000", "1000:x:0:0::/root:\n", "").uid == 1000);
    CHECK(resolve_user("5:6", "", "6:x:0:\n").gid == 6);
}

TEST_CASE("a home that is no absolute path is none") {
    CHECK(resolve_user("a", "a:x:5:5::relative:\n", "").home == "/");
    CHECK(resolve_user("a", "a:x:5:5:::\n", "").home == "/");
    CHECK(resolve_user("a", "a:x:5:5\n", "").home == "/");
}

TEST_CASE("unknown names") {
    CHECK(user_refusal("nginx") ==
          "user 'nginx' is not in the image's /etc/passwd | give a user that the image has, or a numeric user id");
    CHECK(user_refusal("app:nginx") ==
          "group 'nginx' is not in the image's /etc/group | give a group that the image has, or a numeric group id");
    CHECK(user_refusal("app", "", "").starts_with("user 'app' is not in the image's /etc/passwd"));
    CHECK(user_refusal("app:audio:x").starts_with("group 'audio:x' is not in the image's /etc/group"));
    CHECK(user_refusal("0x0").starts_with("user '0x0' is not in"));
    CHECK(user_refusal(" app").starts_with("user ' app' is not in"));
    CHECK(user_refusal("a\nb").starts_with("user 'a\\nb' is not in"));
    CHECK(user_refusal("App").starts_with("user 'App' is not in"));
    // An entry that was skipped as malformed is not there: it must not become root.
    for (const auto* text : {"a:x:one:1::/:\n", "root:x:0:0::/:\na:x:1\n"})
        CHECK(user_refusal("a", text) ==
              "the line of user 'a' in the image's /etc/passwd is malformed | expected "
              "name:password:uid:gid:comment:home:shell; or give a numeric user id");
}

TEST_CASE("ids out of range") {
    CHECK(user_refusal("2147483648") == "user id '2147483648' is out of range | ids go from 0 to 2147483647");
    CHECK(user_refusal("4294967295").starts_with("user id '4294967295' is out of range"));
    CHECK(user_refusal("4294967296").starts_with("user id '4294967296' is out of range"));
    CHECK(user_refusal("18446744073709551616").starts_with("user id '18446744073709551616' is out of range"));
    CHECK(user_refusal("-1").starts_with("user id '-1' is out of range"));
    CHECK(user_refusal("+5").starts_with("user id '+5' is out of range"));
    CHECK(user_refusal("app:2147483648") == "group id '2147483648' is out of range | ids go from 0 to 2147483647");
}

TEST_CASE("ids out of range that the image's files give") {
    CHECK(user_refusal("a", "a:x:4294967295:1::/:\n") ==
          "the image gives user 'a' the id 4294967295, out of range | ids go from 0 to 2147483647");
    CHECK(
        user_refusal("a", "a:x:1:4294967295::/:\n").starts_with("the image gives the group of user 'a' the id 42949"));
    CHECK(user_refusal("a:g", "a:x:1:1::/:\n", "g:x:4294967295:\n")
              .starts_with("the image gives group 'g' the id 4294967"));
    CHECK(user_refusal("a", "a:x:1:1::/:\n", "g:x:4294967295:a\n")
              .starts_with("the image gives group 'g' the id 4294967"));
    // What is not asked for does not matter.
    CHECK(resolve_user("a:7", "a:x:1:4294967295::/:\n", "").gid == 7);
}

TEST_CASE("groups of --group-add") {
    CHECK(resolve_groups({"audio", "web", "555", "29", "audio"}, group) == Ids{29, 2000, 555});
    CHECK(resolve_groups({}, group).empty());
    CHECK(resolve_groups({"12"}, "") == Ids{12});
    CHECK(refusal([] {
              resolve_groups({"audio", "video"}, group);
          }).starts_with("group 'video' is not in the image's /etc/group"));
    CHECK(refusal([] { resolve_groups({""}, group); }).starts_with("group '' is not in the image's /etc/group"));
    CHECK(refusal([] { resolve_groups({"4294967295"}, group); }).starts_with("group id '4294967295' is out of range"));
}

TEST_CASE("one group twice in the file's member lists is one supplementary group") {
    CHECK(resolve_user("a", "a:x:5:5::/:\n", "g:x:7:a\nh:x:7:a\ni:x:8:a,a\n").additional_gids == Ids{7, 8});
}
