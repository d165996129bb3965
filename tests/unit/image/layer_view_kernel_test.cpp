// LayerView held against the kernel: random layers are mounted with overlayfs, and both must show the same.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "image/open_directory.hpp"
#include "kernel/openat2.hpp"
#include "support.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t end) { return random() % end; }

const std::vector<std::string> names{"a", "b", "c"};

// Linux 6.7 and newer.
bool kernel_knows_attribute_whiteouts() {
    utsname host{};
    REQUIRE(uname(&host) == 0);
    int major = 0, minor = 0;
    REQUIRE(std::sscanf(host.release, "%d.%d", &major, &minor) == 2);
    return std::pair(major, minor) >= std::pair(6, 7);
}

// overlayfs reads trusted.* where root mounts it, and user.* (option userxattr) in a user namespace.
bool as_root() { return geteuid() == 0; }
std::string attribute_name(std::string_view name) { return cat(as_root() ? "trusted" : "user", ".overlay.", name); }

std::string random_path(Random& random) {
    std::string path = names[below(random, names.size())];
    while (below(random, 3) != 0) path += '/' + names[below(random, names.size())];
    return path;
}

std::string random_target(Random& random) {
    std::string target = below(random, 3) == 0 ? "/" : "";
    for (auto up = below(random, 4); up > 1; up--) target += "../";
    return target + random_path(random) + (below(random, 6) == 0 ? "/" : "");
}

// Fills one directory of a layer with every form in which it can change what is below.
void fill(const TemporaryDirectory& dir, const std::string& at, int depth, Random& random) {
    dir.directory(at);
    for (const auto& name : names) {
        const auto path = cat(at, '/', name);
        switch (below(random, depth > 3 ? 5 : 10)) {
            case 0: dir.file(path, path); break;
            case 1: dir.link(path, random_target(random)); break;
            case 2: REQUIRE(dir.whiteout_device(path)); break;
            case 3:
                dir.file(path);
                if (below(random, 2) == 0 && kernel_knows_attribute_whiteouts())
                    REQUIRE(dir.attribute(path, attribute_name("whiteout").c_str(), ""));
                break;
            case 4: break;
            default: fill(dir, path, depth + 1, random);
        }
    }
    // "x": there are whiteouts by attribute here. Without it the kernel lists the names that it then does not find.
    REQUIRE(dir.attribute(at, attribute_name("opaque").c_str(), below(random, 5) == 0 ? "y" : "x"));
}

std::vector<Layer> random_layers(const TemporaryDirectory& dir, Random& random) {
    std::vector<Layer> layers;
    const auto count = 2 + below(random, 4);
    for (std::size_t i = 0; i < count; i++) {
        const auto name = cat("layer", i);
        fill(dir, name, 0, random);
        layers.push_back({name, dir / name});
    }
    return layers;
}

std::string describe(const struct stat& status, std::string_view text) {
    return cat(status.st_mode & S_IFMT, ' ', S_ISDIR(status.st_mode) ? "" : text);
}

// "a/b": type and text or link target, for all that is in a mounted tree.
void walk_mount(const std::string& root, const std::string& path, std::string& out) {
    for (const auto& [name, status] : read_directory(Fd(open(cat(root, path).c_str(), O_RDONLY | O_DIRECTORY)))) {
        const auto child = cat(path, '/', name);
        const auto host = cat(root, child);
        std::string text;
        if (S_ISLNK(status.st_mode)) text = std::filesystem::read_symlink(host).string();
        if (S_ISREG(status.st_mode)) {
            std::ifstream in(host);
            std::getline(in, text);
        }
        out += cat(child, " = ", describe(status, text), '\n');
        if (S_ISDIR(status.st_mode)) walk_mount(root, child, out);
    }
}

void walk_view(LayerView& view, const std::string& path, std::string& out) {
    for (const auto& entry : view.list(path)) {
        const auto child = cat(path, '/', entry.name);
        const auto found = view.lookup(child, false);
        if (!found || (found->status.st_mode & S_IFMT) != entry.type || found->layer != entry.layer ||
            found->path != child) {
            out += cat(child, " is listed, and not found\n");
            continue;
        }
        const auto text = found->is_regular() ? *view.read_file(child, 1000) : found->link_target;
        out += cat(child, " = ", describe(found->status, text), '\n');
        if (found->is_directory()) walk_view(view, child, out);
    }
}

std::string sorted_lines(const std::string& text) {
    auto lines = split(text, '\n');
    std::sort(lines.begin(), lines.end());
    return join(lines, "\n");
}

// Where the kernel finds a path in the mounted tree, or its errno.
std::string resolve_in_mount(const std::string& root, const std::string& path, bool follow) {
    const Fd directory(open(root.c_str(), O_PATH | O_DIRECTORY));
    const auto flags = static_cast<std::uint64_t>(O_PATH | (follow ? 0 : O_NOFOLLOW));
    const auto opened = kernel::open_beneath(directory.get(), path.c_str(), flags, 0, RESOLVE_IN_ROOT);
    if (!opened) return cat("errno ", opened.error());
    const Fd fd(opened.value());
    const auto where = std::filesystem::read_symlink(cat("/proc/self/fd/", fd.get())).string();
    return where == root ? "/" : where.substr(root.size());
}

std::string resolve_in_view(LayerView& view, const std::string& path, bool follow) {
    const auto found = view.resolve(path, follow);
    return found.error != 0 ? cat("errno ", found.error) : found.path;
}

bool write_text(const char* path, const std::string& text) { return bool(std::ofstream(path) << text << std::flush); }

// Into a mount namespace of its own, for a user in a user namespace.
bool enter_namespaces() {
    const auto uid = geteuid();
    const auto gid = getegid();
    if (!as_root() && (unshare(CLONE_NEWUSER) != 0 || !write_text("/proc/self/setgroups", "deny") ||
                       !write_text("/proc/self/uid_map", cat("0 ", uid, " 1")) ||
                       !write_text("/proc/self/gid_map", cat("0 ", gid, " 1"))))
        return false;
    return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// What `look` says of the overlay, which exists in a child's own mount namespace only; nothing if the host refuses it.
template <class Look>
std::optional<std::string> in_overlay(const TemporaryDirectory& dir, const std::vector<Layer>& layers,
                                      const Look& look) {
    const auto root = dir.directory("merged");
    std::string options = as_root() ? "" : "userxattr,";
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        options += cat(layer == layers.rbegin() ? "lowerdir=" : ":", layer->path);
    const auto child = fork();
    if (child == 0) {
        if (!enter_namespaces() || mount("overlay", root.c_str(), "overlay", MS_RDONLY, options.c_str()) != 0) _exit(1);
        _exit(write_text((dir / "seen").c_str(), look(root)) ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (status != 0) return std::nullopt;
    return dir.text("seen");
}

}  // namespace

TEST_CASE("LayerView: the kernel's overlay of the same layers has the same tree and resolves paths alike") {
    for (unsigned seed = 1; seed <= 60; seed++) {
        CAPTURE(seed);
        Random random(seed);
        const TemporaryDirectory dir;
        const auto layers = random_layers(dir, random);
        std::vector<std::pair<std::string, bool>> paths;
        for (int i = 0; i < 100; i++) paths.emplace_back(random_target(random), below(random, 2) == 0);

        const auto kernel_view = in_overlay(dir, layers, [&](const std::string& root) {
            std::string tree, places;
            walk_mount(root, "", tree);
            for (const auto& [path, follow] : paths)
                places += cat(path, " -> ", resolve_in_mount(root, path, follow), '\n');
            return cat(sorted_lines(tree), '\n', places);
        });
        if (!kernel_view) return skip("this host lets this user mount no overlay");

        LayerView view(layers);
        std::string tree, places;
        walk_view(view, "", tree);
        for (const auto& [path, follow] : paths) places += cat(path, " -> ", resolve_in_view(view, path, follow), '\n');
        REQUIRE(cat(sorted_lines(tree), '\n', places) == *kernel_view);
    }
}
