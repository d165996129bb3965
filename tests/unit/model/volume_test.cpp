#include "model/volume.hpp"

#include <doctest/doctest.h>

#include "support.hpp"

using namespace minirun;
using Kind = VolumeOption::Kind;
using Words = std::vector<std::string>;

namespace {

const std::string cwd = "/home/me/work";

constexpr const char* known_words =
    " | known are ro, rw, O, nosuid, nodev, noexec, [r]private, [r]slave, [r]shared, bind and rbind";
constexpr const char* known_keys =
    " | known are type, source, destination, readonly, bind-propagation, bind-recursive, tmpfs-size and tmpfs-mode";
constexpr const char* known_tmpfs =
    " | known are size, mode, uid, gid, nr_inodes, nr_blocks, ro, rw, exec, noexec, suid, nosuid, dev and nodev";

}  // namespace

TEST_CASE("--volume") {
    const struct {
        const char* text;
        VolumeOption expected;
    } rows[] = {
        {"/a:/b", {Kind::bind, "/a", "/b", false, {}}},
        {"/a/:/b/", {Kind::bind, "/a", "/b", false, {}}},
        {"/a/../c:/b/./d", {Kind::bind, "/c", "/b/d", false, {}}},
        {".:/b", {Kind::bind, "/home/me/work", "/b", false, {}}},
        {"..:/b", {Kind::bind, "/home/me", "/b", false, {}}},
        {"./x:/b", {Kind::bind, "/home/me/work/x", "/b", false, {}}},
        {"../x:/b", {Kind::bind, "/home/me/x", "/b", false, {}}},
        {"/:/host", {Kind::bind, "/", "/host", false, {}}},
        {"/a:/b:ro", {Kind::bind, "/a", "/b", true, {}}},
        {"/a:/b:rw", {Kind::bind, "/a", "/b", false, {}}},
        {"/a:/b:ro,z", {Kind::bind, "/a", "/b", true, {}}},
        {"/a:/b:cached", {Kind::bind, "/a", "/b", false, {}}},
        {"/a:/b:O", {Kind::overlay, "/a", "/b", false, {}}},
        {"/a:/b:nosuid,noexec,rslave", {Kind::bind, "/a", "/b", false, {"nosuid", "noexec", "rslave"}}},
        {"/a:/b:ro,bind,dev", {Kind::bind, "/a", "/b", true, {"bind", "dev"}}},
        {"/cache", {Kind::anonymous, "", "/cache", false, {}}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(parse_volume(row.text, cwd) == row.expected);
    }
}

TEST_CASE("--volume: what is refused") {
    const std::string unknown = ": unknown option ";
    const struct {
        std::string text, expected;
    } rows[] = {
        {"a:/b", ": named volumes are not supported yet | for the host's directory write ./a"},
        {"a/b:/b", ": named volumes are not supported yet | for the host's directory write ./a/b"},
        {"~/a:/b", ": ~ is the shell's word, and it did not expand this one | write $HOME in its place"},
        {":/b", ": the path on the host is empty | "},
        {"/a:", ": the path in the container has to be absolute | "},
        {"/a:b", ": the path in the container has to be absolute | "},
        {"/a:ro", ": the path in the container has to be absolute | "},
        {"/a:/", ": a volume cannot cover the container's whole root | "},
        {"/a:/..", ": a volume cannot cover the container's whole root | "},
        {"/", ": a volume cannot cover the container's whole root | "},
        {"data", ": expected SRC:DST[:OPTIONS], or an absolute DST for an anonymous volume | "},
        {"", ": expected SRC:DST[:OPTIONS], or an absolute DST for an anonymous volume | "},
        {"/a:/b:ro:x", ": expected SRC:DST[:OPTIONS] | a path with a colon in it can be given with --mount"},
        {"/a:/b:ro,rw", ": it cannot be both ro and rw | "},
        {"/a:/b:O,ro", ": O gives a writable view, so ro contradicts it | "},
        {"/a:/b:O,rshared", ": O makes a file system of its own, rshared means nothing for it | "},
        {"/a:/b:shared,slave", ": it cannot be both shared and slave | "},
        {"/a:/b:foo", unknown + "'foo'" + known_words},
        {"/a:/b:", unknown + "''" + known_words},
        {"/a:/b:ro,,rslave", unknown + "''" + known_words},
        {"/a:/b:RO", unknown + "'RO'" + known_words},
        {"/a:/b:size=1m", unknown + "'size=1m'" + known_words},
        {"/a:/b:remount", unknown + "'remount'" + known_words},
        {"/a:/b:idmap", unknown + "'idmap'" + known_words},
        {"/a:/b:sync", unknown + "'sync'" + known_words},
    };
    for (const auto& row : rows) {
        const auto call = [&] { parse_volume(row.text, cwd); };
        CHECK(test::error_text(call) == "--volume '" + row.text + "'" + row.expected);
        CHECK(test::error_kind(call) == ErrorKind::usage);
    }
    CHECK(test::error_text([] { parse_volume("a\n:/b", cwd); }) ==
          "--volume 'a\\n:/b': named volumes are not supported yet | for the host's directory write ./a\\n");
}

TEST_CASE("--mount") {
    const struct {
        const char* text;
        VolumeOption expected;
    } rows[] = {
        {"type=bind,source=/a,destination=/b", {Kind::bind, "/a", "/b", false, {}}},
        {"type=bind,src=./a,dst=/b", {Kind::bind, "/home/me/work/a", "/b", false, {}}},
        {"target=/b,src=/a:c,type=bind", {Kind::bind, "/a:c", "/b", false, {}}},
        {"type=bind,\"src=/a,b\",dst=/b", {Kind::bind, "/a,b", "/b", false, {}}},
        {"type=bind,\"src=/a\"\"b\",dst=/b", {Kind::bind, "/a\"b", "/b", false, {}}},
        {"type=bind,src=/a,dst=/b,readonly", {Kind::bind, "/a", "/b", true, {}}},
        {"type=bind,src=/a,dst=/b,ro=true", {Kind::bind, "/a", "/b", true, {}}},
        {"type=bind,src=/a,dst=/b,readonly=0", {Kind::bind, "/a", "/b", false, {}}},
        {"type=bind,src=/a,dst=/b,bind-propagation=rslave", {Kind::bind, "/a", "/b", false, {"rslave"}}},
        {"type=bind,src=/a,dst=/b,ro,bind-recursive=disabled", {Kind::bind, "/a", "/b", true, {"bind"}}},
        {"type=bind,src=/a,dst=/b,bind-nonrecursive", {Kind::bind, "/a", "/b", false, {"bind"}}},
        {"type=bind,src=/a,dst=/b,ro,bind-recursive=writable", {Kind::bind, "/a", "/b", false, {"ro"}}},
        {"type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", {Kind::bind, "/a", "/b", true, {}}},
        {"type=bind,src=/a,dst=/b,consistency=cached", {Kind::bind, "/a", "/b", false, {}}},
        {"type=tmpfs,dst=/t", {Kind::tmpfs, "", "/t", false, {}}},
        {"type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770",
         {Kind::tmpfs, "", "/t", false, {"size=67108864", "mode=1770"}}},
        {"type=volume,dst=/v", {Kind::anonymous, "", "/v", false, {}}},
        {"dst=/v", {Kind::anonymous, "", "/v", false, {}}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        CHECK(parse_mount(row.text, cwd) == row.expected);
    }
}

TEST_CASE("--mount: what is refused") {
    const struct {
        std::string text, expected;
    } rows[] = {
        {"type=bind,dst=/b", ": type=bind needs a source | "},
        {"type=bind,src=,dst=/b", ": the path on the host is empty | "},
        {"type=bind,src=a,dst=/b", ": named volumes are not supported yet | for the host's directory write ./a"},
        {"type=bind,src=/a", ": it has no destination | add dst=/path/in/the/container"},
        {"type=bind,src=/a,dst=b", ": the path in the container has to be absolute | "},
        {"type=bind,src=/a,dst=/", ": a volume cannot cover the container's whole root | "},
        {"type=bind,src=/a,dst=/b,foo=1", ": unknown key 'foo'" + std::string(known_keys)},
        {"type=bind,src=/a,dst=/b,foo", ": 'foo' is no KEY=VALUE | "},
        {"", ": '' is no KEY=VALUE | "},
        {"type=bind,src=/a,dst=/b,", ": '' is no KEY=VALUE | "},
        {"type=bind,src=/a,dst=/b,ro=maybe", ": ro is true or false, not 'maybe' | "},
        {"type=bind,src=/a,dst=/b,bind-nonrecursive=x", ": bind-nonrecursive is true or false, not 'x' | "},
        {"type=bind,src=/a,dst=/b,bind-recursive=x",
         ": bind-recursive is enabled, disabled, writable or readonly, not 'x' | "},
        {"type=bind,src=/a,dst=/b,bind-propagation=ro",
         ": bind-propagation is [r]private, [r]slave or [r]shared, not 'ro' | "},
        {"type=bind,src=/a,dst=/b,tmpfs-size=1m", ": tmpfs-size and tmpfs-mode are for type=tmpfs only | "},
        {"type=tmpfs,dst=/b,bind-propagation=rslave", ": bind-propagation is for type=bind only | "},
        {"type=tmpfs,dst=/b,bind-recursive=disabled", ": bind-recursive is for type=bind only | "},
        {"type=tmpfs,src=/a,dst=/b", ": a tmpfs has no source | "},
        {"type=tmpfs,dst=/b,tmpfs-size=x",
         ": 'x' is no size | write bytes, or 64k, 64m, 1g, or a percentage of the memory"},
        {"type=tmpfs,dst=/b,tmpfs-mode=9", ": the mode '9' is no octal number | write 1777 or 0755"},
        {"type=volume,src=data,dst=/b",
         ": named volumes are not supported yet | for a directory of the host add type=bind"},
        {"type=volume,dst=/b,volume-nocopy=true", ": volume-nocopy is not supported yet | "},
        {"type=image,src=x,dst=/b", ": the type 'image' is not supported | known are bind, tmpfs and volume"},
        {"\"type=bind", ": a double quote is not closed | "},
        {"type=\"bind\",dst=/b", ": a double quote has to enclose a whole field | "},
        {"\"type=bind\"x,dst=/b", ": a double quote has to enclose a whole field | "},
    };
    for (const auto& row : rows)
        CHECK(test::error_text([&] { parse_mount(row.text, cwd); }) == "--mount '" + row.text + "'" + row.expected);
    // A key comes from outside as much as a value does.
    CHECK(test::error_text([&] { parse_mount("dst=/b,volume-\x1b=1", cwd); }) ==
          R"(--mount 'dst=/b,volume-\x1b=1': volume-\x1b is not supported yet | )");
}

TEST_CASE("--tmpfs") {
    CHECK(parse_tmpfs("/t") == VolumeOption{Kind::tmpfs, "", "/t", false, {}});
    CHECK(
        parse_tmpfs("/t/:size=64m,mode=0700,exec,uid=1000,nr_inodes=1k") ==
        VolumeOption{Kind::tmpfs, "", "/t", false, {"size=67108864", "mode=0700", "exec", "uid=1000", "nr_inodes=1k"}});
    CHECK(parse_tmpfs("/t:size=50%").options == Words{"size=50%"});
    const struct {
        std::string text, expected;
    } rows[] = {
        {"t", ": the path in the container has to be absolute | "},
        {"", ": the path in the container has to be absolute | "},
        {"/", ": a volume cannot cover the container's whole root | "},
        {"/t:foo", ": unknown option 'foo'" + std::string(known_tmpfs)},
        {"/t:", ": unknown option ''" + std::string(known_tmpfs)},
        {"/t:rshared", ": unknown option 'rshared'" + std::string(known_tmpfs)},
        {"/t:rro", ": unknown option 'rro'" + std::string(known_tmpfs)},
        {"/t:bind", ": unknown option 'bind'" + std::string(known_tmpfs)},
        {"/t:size=0", ": '0' is no size | write bytes, or 64k, 64m, 1g, or a percentage of the memory"},
        {"/t:size=101%", ": '101%' is no size | write bytes, or 64k, 64m, 1g, or a percentage of the memory"},
        {"/t:size", ": '' is no size | write bytes, or 64k, 64m, 1g, or a percentage of the memory"},
        {"/t:mode=abc", ": the mode 'abc' is no octal number | write 1777 or 0755"},
        {"/t:mode=77777", ": the mode '77777' is no octal number | write 1777 or 0755"},
        {"/t:uid=me", ": uid takes a number, not 'me' | "},
        {"/t:nr_inodes=x", ": nr_inodes takes a number, not 'x' | "},
    };
    for (const auto& row : rows)
        CHECK(test::error_text([&] { parse_tmpfs(row.text); }) == "--tmpfs '" + row.text + "'" + row.expected);
}
