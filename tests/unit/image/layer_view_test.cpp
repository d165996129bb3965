#include "image/layer_view.hpp"

#include <sys/resource.h>

#include "base/file.hpp"
#include "base/text.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;
using Texts = std::vector<std::string>;

namespace {

// Layers "0", "1", … of a test. Whiteouts and opaque marks are made in the form that needs no rights.
class TestLayers : public TemporaryDirectory {
public:
    explicit TestLayers(int count) {
        for (int i = 0; i < count; i++) directory(cat(i));
    }
    std::vector<Layer> layers() const {
        std::vector<Layer> all;
        for (int i = 0; is_directory(*this / cat(i)); i++) all.push_back({cat("layer", i), *this / cat(i)});
        return all;
    }
    LayerView view() const { return LayerView(layers()); }
    void whiteout(std::string_view name) const {
        file(name);
        REQUIRE(attribute(name, "user.overlay.whiteout", ""));
    }
    void opaque(std::string_view name) const {
        directory(name);
        REQUIRE(attribute(name, "user.overlay.opaque", "y"));
    }
};

bool has_user_attributes() {
    const TemporaryDirectory dir;
    dir.file("a");
    return dir.attribute("a", "user.overlay.whiteout", "");
}

// Without root's right to read everything, for as long as it lives.
class AsNobody {
public:
    AsNobody() {
        if (was_ == 0) REQUIRE(seteuid(65534) == 0);
    }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() {
        if (seteuid(was_) != 0) std::abort();
    }

private:
    uid_t was_ = geteuid();
};

// "name@layer", with a "/" behind directories.
Texts names_in(LayerView& view, std::string_view path) {
    Texts all;
    for (const auto& entry : view.list(path))
        all.push_back(cat(entry.name, S_ISDIR(entry.type) ? "/" : "", '@', entry.layer));
    return all;
}

std::string name_of(LayerEvent::What what) {
    switch (what) {
        case LayerEvent::What::adds: return "adds";
        case LayerEvent::What::replaces: return "replaces";
        case LayerEvent::What::merges: return "merges";
        case LayerEvent::What::opaque: return "opaque";
        case LayerEvent::What::deletes: return "deletes";
        case LayerEvent::What::nothing: return "nothing";
    }
    return "?";
}

// "2 replaces /etc/a *", where the star is for the one to be seen.
Texts history_of(LayerView& view, std::string_view path) {
    Texts all;
    for (const auto& event : view.history(path))
        all.push_back(cat(event.layer, ' ', name_of(event.what), ' ', event.at, event.visible ? " *" : ""));
    return all;
}

}  // namespace

TEST_CASE("LayerView: the topmost file counts, directories merge") {
    const TestLayers dir(3);
    dir.file("0/etc/passwd", "lowest");
    dir.file("0/etc/group", "groups");
    dir.file("1/etc/passwd", "middle");
    dir.file("2/etc/hosts", "top");
    auto view = dir.view();
    CHECK(view.read_file("/etc/passwd", 100) == "middle");
    CHECK(view.read_file("etc//./group", 100) == "groups");
    CHECK(view.read_file("/etc", 100) == std::nullopt);
    CHECK(view.read_file("/etc/shadow", 100) == std::nullopt);
    CHECK(names_in(view, "/etc") == Texts{"group@0", "hosts@2", "passwd@1"});
    CHECK(names_in(view, "/") == Texts{"etc/@2"});
    CHECK(view.directory_stack("/etc") == Texts{dir / "2/etc", dir / "1/etc", dir / "0/etc"});
    CHECK(view.directory_stack("/") == Texts{dir / "2", dir / "1", dir / "0"});
    CHECK(view.directory_stack("/etc/passwd").empty());
    CHECK(view.directory_stack("/nowhere").empty());
    const auto entry = view.lookup("/etc/../etc/passwd").value();
    CHECK(entry.layer == 1);
    CHECK(entry.path == "/etc/passwd");
    CHECK(entry.status.st_size == 6);
    CHECK(view.host_path(entry) == dir / "1/etc/passwd");
    CHECK(view.host_path(view.lookup("/").value()) == dir / "2");
    CHECK(view.resolve("/etc").path == "/etc");
}

TEST_CASE("LayerView: whiteouts and opaque directories hide what is below, not what is above") {
    if (!has_user_attributes()) return skip("this file system has no user.* attributes");
    const TestLayers dir(4);
    dir.file("0/a/deleted", "x");
    dir.file("0/a/back", "x");
    dir.file("0/gone/inside", "x");
    dir.file("0/new/old", "x");
    dir.whiteout("1/a/deleted");
    dir.whiteout("1/a/back");
    dir.whiteout("1/gone");
    dir.opaque("1/new");
    dir.file("1/new/one", "x");
    dir.file("2/a/back", "again");
    dir.file("2/new/two", "x");
    auto view = dir.view();
    CHECK(view.lookup("/a/deleted") == std::nullopt);
    CHECK(view.read_file("/a/back", 100) == "again");
    CHECK(view.resolve("/gone").error == ENOENT);
    CHECK(view.resolve("/gone/inside").error == ENOENT);
    CHECK(view.lookup("/new/old") == std::nullopt);
    CHECK(names_in(view, "/new") == Texts{"one@1", "two@2"});
    CHECK(names_in(view, "/") == Texts{"a/@2", "new/@2"});
    CHECK(names_in(view, "/a") == Texts{"back@2"});
    CHECK(view.directory_stack("/new") == Texts{dir / "2/new", dir / "1/new"});
}

TEST_CASE("LayerView: whiteouts as 0/0 devices, opaque directories by trusted.*") {
    const TestLayers dir(2);
    dir.file("0/a/b", "x");
    dir.file("0/c", "x");
    if (!dir.whiteout_device("1/c")) return skip("cannot make a 0/0 device here");
    auto view = dir.view();
    CHECK(view.lookup("/c") == std::nullopt);
    CHECK(names_in(view, "/") == Texts{"a/@0"});

    dir.directory("1/a");
    if (!dir.attribute("1/a", "trusted.overlay.opaque", "y")) return skip("trusted.* needs CAP_SYS_ADMIN");
    auto later = dir.view();
    CHECK(later.lookup("/a/b") == std::nullopt);
    CHECK(later.directory_stack("/a") == Texts{dir / "1/a"});
}

TEST_CASE("LayerView: a file hides a directory, a directory hides a file and all that is below it") {
    const TestLayers dir(4);
    dir.file("0/x/deep", "x");
    dir.file("1/x", "a file");
    dir.file("2/x/new", "x");
    dir.file("0/y", "x");
    dir.file("1/y/z", "x");
    dir.link("0/link/inside", "x");
    dir.link("1/link", "y");
    auto view = dir.view();
    CHECK(names_in(view, "/x") == Texts{"new@2"});
    CHECK(view.lookup("/x/deep") == std::nullopt);
    CHECK(names_in(view, "/y") == Texts{"z@1"});
    CHECK(view.lookup("/link/z")->path == "/y/z");
    CHECK(view.lookup("/link/inside") == std::nullopt);
}

TEST_CASE("LayerView: symbolic links are resolved in the merged view") {
    const TestLayers dir(2);
    dir.file("0/usr/bin/dash", "sh");
    dir.link("1/bin", "usr/bin");
    dir.link("1/usr/bin/sh", "dash");
    dir.link("1/etc/alternatives/sh", "/bin/sh");
    dir.link("1/usr/lib/up", "../../bin/dash");
    dir.link("1/slash", "/");
    dir.link("1/directory", "/usr/bin/");
    dir.link("1/no_directory", "usr/bin/dash/");
    auto view = dir.view();
    CHECK(view.lookup("/bin/sh")->path == "/usr/bin/dash");
    CHECK(view.lookup("/etc/alternatives/sh")->path == "/usr/bin/dash");
    CHECK(view.lookup("/usr/lib/up")->path == "/usr/bin/dash");
    CHECK(view.lookup("/slash/slash/slash")->path == "/");
    CHECK(view.lookup("/slash/bin/../lib/up")->path == "/usr/bin/dash");  // ".." of the link's target
    CHECK(view.lookup("/directory")->path == "/usr/bin");
    CHECK(view.resolve("/no_directory").error == ENOTDIR);

    const auto link = view.lookup("/bin/sh", false).value();
    CHECK(link.is_symlink());
    CHECK(link.path == "/usr/bin/sh");
    CHECK(link.link_target == "dash");
    CHECK(view.lookup("/bin/", false)->is_directory());  // a slash behind it asks for what it leads to
    CHECK(view.lookup("/bin", false)->is_symlink());
}

TEST_CASE("LayerView: what a path that leads nowhere gets") {
    const TestLayers dir(2);
    dir.file("0/etc/file", "x");
    dir.link("1/dangling", "/etc/missing/x");
    auto view = dir.view();
    CHECK(view.resolve("/a/b/../c").error == ENOENT);
    CHECK(view.resolve("/a/b/../c").path == "/a/c");
    CHECK(view.resolve("/etc/file/x").error == ENOTDIR);
    CHECK(view.resolve("/etc/file/").error == ENOTDIR);
    CHECK(view.resolve("/etc/file/..").error == ENOTDIR);
    CHECK(view.resolve("/dangling").error == ENOENT);
    CHECK(view.resolve("/dangling/y").path == "/etc/missing/x/y");
    CHECK(view.resolve(std::string_view("/etc\0/file", 10)).error == ENOENT);
    CHECK(view.resolve("/" + std::string(300, 'n')).error == ENOENT);
    std::string long_path = "/etc";
    for (int i = 0; i < 3000; i++) long_path += "/x";
    CHECK(view.resolve(long_path).error == ENOENT);
    CHECK(view.resolve("").path == "/");
}

TEST_CASE("LayerView: loops end") {
    const TestLayers dir(1);
    dir.link("0/a", "b");
    dir.link("0/b", "a");
    dir.link("0/self", "self/self/self/self");
    for (int i = 1; i <= 41; i++) dir.link(cat("0/chain", i), i == 1 ? "end" : cat("chain", i - 1));
    dir.file("0/end", "x");
    auto view = dir.view();
    CHECK(view.resolve("/a").error == ELOOP);
    CHECK(view.resolve("/a/x").error == ELOOP);
    CHECK(view.resolve("/self").error == ELOOP);
    CHECK(view.resolve("/chain40").path == "/end");
    CHECK(view.resolve("/chain41").error == ELOOP);
}

TEST_CASE("LayerView: '..' at the root stays there and is reported") {
    const TestLayers dir(1);
    dir.file("0/etc/passwd", "image");
    dir.link("0/evil", "../../../../etc/passwd");
    dir.link("0/sub/fine", "../etc/passwd");
    dir.link("0/absolute", "/../etc/passwd");
    dir.link("0/outside", dir.file("secret", "host"));
    auto view = dir.view();
    CHECK(view.resolve("/../../etc/passwd").escapes);
    CHECK(view.read_file("/../../etc/passwd", 100) == "image");
    CHECK(view.resolve("/evil").escapes);
    CHECK(view.resolve("/evil").path == "/etc/passwd");
    CHECK_FALSE(view.resolve("/sub/fine").escapes);
    CHECK(view.resolve("/absolute").escapes);
    CHECK(view.resolve("/missing/../../x").escapes);
    CHECK(view.resolve("/missing/../../x").path == "/x");
    CHECK(view.read_file("/outside", 100) == std::nullopt);
    CHECK_FALSE(view.resolve("/outside").escapes);  // an absolute link begins at the container's root
}

TEST_CASE("LayerView: reading never waits and never takes more than asked") {
    const TestLayers dir(1);
    dir.fifo("0/fifo");
    dir.file("0/big", "12345");
    dir.link("0/zero", "/dev/zero");
    auto view = dir.view();
    CHECK(view.read_file("/fifo", 100) == std::nullopt);
    CHECK(view.read_file("/zero", 100) == std::nullopt);
    CHECK(view.read_file("/big", 5) == "12345");
    CHECK(error_text([&] { view.read_file("/big", 4); }) ==
          cat("'", dir.path(), "/0/big' is larger than the limit of 4 B | "));
    CHECK(error_text([&] { view.open_file(view.lookup("/fifo").value()); }) ==
          cat("'", dir.path(), "/0/fifo' is not a regular file | "));
}

TEST_CASE("LayerView: listing what is no directory") {
    const TestLayers dir(1);
    dir.file("0/file");
    auto view = dir.view();
    CHECK(error_text([&] { view.list("/nowhere"); }) ==
          "the image has no directory '/nowhere': No such file or directory | ");
    CHECK(error_text([&] { view.list("/file"); }) == "the image has no directory '/file': Not a directory | ");
}

TEST_CASE("LayerView: a layer that cannot be read is an error, not an empty layer") {
    const TestLayers dir(2);
    auto layers = dir.layers();
    layers[0].path = dir / "vanished";
    LayerView view(layers);
    CHECK(error_text([&] { view.lookup("/etc/passwd"); }) ==
          cat("cannot look at layer 'layer0' (", dir.path(), "/vanished): No such file or directory | "));

    dir.file("1/secret/x", "x");
    REQUIRE(chmod(dir.path().c_str(), 0755) == 0);
    REQUIRE(chmod((dir / "1/secret").c_str(), 0) == 0);
    auto closed = dir.view();
    std::string refusal;
    {
        const AsNobody nobody;
        refusal = error_text([&] { closed.lookup("/secret/x"); });
        CHECK(closed.layer_stats(1).unreadable == 1);
        CHECK(names_in(closed, "/") == Texts{"secret/@1"});
    }
    REQUIRE(chmod((dir / "1/secret").c_str(), 0700) == 0);
    CHECK(refusal ==
          cat("cannot look at '/secret/x' in layer 'layer1' (", dir.path(),
              "/1): Permission denied | the layer's files belong to another user: run as that user or as root"));
}

TEST_CASE("LayerView: no layers") {
    LayerView view({});
    CHECK(view.resolve("/").error == ENOENT);
    CHECK(view.resolve("/etc/passwd").path == "/etc/passwd");
    CHECK(view.history("/").empty());
}

TEST_CASE("LayerView: more layers than descriptors") {
    const TestLayers dir(100);
    dir.file("0/etc/passwd", "bottom");
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit few{40, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    auto view = dir.view();
    const auto text = view.read_file("/etc/passwd", 100);
    const auto stack = view.directory_stack("/");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(text == "bottom");
    CHECK(stack.size() == 100);
}

TEST_CASE("LayerView: what a layer adds") {
    if (!has_user_attributes()) return skip("this file system has no user.* attributes");
    const TestLayers dir(3);
    dir.file("0/etc/a", "12345");
    dir.file("0/etc/b", "123");
    dir.file("0/etc/sub/c", "1");
    dir.link("0/link", "etc");
    dir.file("1/etc/a", "1234567890");
    dir.file("1/etc/new", "12");
    dir.whiteout("1/etc/b");
    dir.whiteout("1/etc/never_was");
    dir.opaque("1/etc/sub");
    dir.file("1/etc/sub/c", "12");
    REQUIRE(link((dir / "1/etc/new").c_str(), (dir / "1/etc/twin").c_str()) == 0);
    dir.whiteout("2/etc");
    dir.file("2/more/x", "1");
    auto view = dir.view();

    const auto lowest = view.layer_stats(0);
    CHECK(lowest.bytes == 9);
    CHECK(lowest.added == 4);
    CHECK(lowest.changed + lowest.deleted + lowest.whiteouts + lowest.opaque_directories == 0);
    CHECK(lowest.directories_added == 2);
    CHECK(lowest.disk_bytes > 0);

    const auto middle = view.layer_stats(1);
    CHECK(middle.bytes == 14);
    CHECK(middle.added == 2);
    CHECK(middle.changed == 2);
    CHECK(middle.deleted == 1);
    CHECK(middle.whiteouts == 2);
    CHECK(middle.opaque_directories == 1);
    CHECK(middle.directories_added == 0);
    CHECK(middle.hard_links == 1);
    CHECK(middle.unreadable == 0);

    const auto top = view.layer_stats(2);
    CHECK(top.deleted == 1);
    CHECK(top.added == 1);
    CHECK(top.directories_added == 1);
}

TEST_CASE("LayerView: the history of a path") {
    if (!has_user_attributes()) return skip("this file system has no user.* attributes");
    const TestLayers dir(6);
    dir.file("0/etc/a", "x");
    dir.file("1/etc/other", "x");
    dir.file("2/etc/a", "x");
    dir.whiteout("3/etc/a");
    dir.whiteout("4/etc/a");
    dir.file("5/etc/a", "x");
    dir.link("5/conf", "etc");
    auto view = dir.view();
    CHECK(history_of(view, "/etc/a") ==
          Texts{"5 adds /etc/a *", "4 nothing /etc/a", "3 deletes /etc/a", "2 replaces /etc/a", "0 adds /etc/a"});
    CHECK(history_of(view, "/conf/a") == history_of(view, "/etc/a"));
    CHECK(history_of(view, "/conf") == Texts{"5 adds /conf *"});
    CHECK(history_of(view, "/etc") ==
          Texts{"5 merges /etc *", "4 merges /etc", "3 merges /etc", "2 merges /etc", "1 merges /etc", "0 adds /etc"});
    CHECK(history_of(view, "/nowhere/at/all") == Texts{});
    CHECK(view.history("/etc/a").back().status.st_size == 1);
}

TEST_CASE("LayerView: the history of a path whose parents change") {
    if (!has_user_attributes()) return skip("this file system has no user.* attributes");
    const TestLayers dir(7);
    dir.file("0/srv/www/page", "x");
    dir.opaque("1/srv/www");
    dir.file("2/srv/www/page", "x");
    dir.whiteout("3/srv");
    dir.file("4/srv/www/page", "x");
    dir.file("5/srv", "a file");
    dir.opaque("6/srv");
    dir.directory("6/srv/www");
    auto view = dir.view();
    CHECK(history_of(view, "/srv/www/page") == Texts{"5 replaces /srv", "4 adds /srv/www/page", "3 deletes /srv",
                                                     "2 adds /srv/www/page", "1 opaque /srv/www",
                                                     "0 adds /srv/www/page"});
    CHECK(history_of(view, "/srv/www") == Texts{"6 adds /srv/www *", "5 replaces /srv", "4 adds /srv/www",
                                                "3 deletes /srv", "2 merges /srv/www", "1 opaque /srv/www",
                                                "0 adds /srv/www"});
    CHECK(history_of(view, "/srv") == Texts{"6 replaces /srv *", "5 replaces /srv", "4 adds /srv", "3 deletes /srv",
                                            "2 merges /srv", "1 merges /srv", "0 adds /srv"});
}
