#include "image/layer_view.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/file.hpp"
#include "base/text.hpp"
#include "image/overlay_attributes.hpp"
#include "kernel/names.hpp"
#include "kernel/openat2.hpp"
#include "minirun/error.hpp"

// Inside, a path has no slash in front: "usr/bin/dash", and "" is the root. So it is also the path in a layer.

namespace minirun {
namespace {

constexpr int max_links = 40;  // as the kernel, path_resolution(7)

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string child_of(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : cat(directory, '/', name);
}

std::string link_target(int fd) {
    std::array<char, PATH_MAX> buffer;
    const auto length = readlinkat(fd, "", buffer.data(), buffer.size());
    return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : std::string();
}

bool no_such_name(int error) { return error == ENOENT || error == ENAMETOOLONG; }

ErrorKind kind_of(int error) {
    switch (error) {
        case EACCES:
        case EPERM: return ErrorKind::not_permitted;
        case ENOENT:
        case ENOTDIR: return ErrorKind::not_found;
        default: return ErrorKind::system;
    }
}

}  // namespace

struct LayerView::Walk {
    std::string at;                 // the directory reached so far, links resolved
    std::vector<std::string> todo;  // what is left of the path, last part first
    bool follow_last = true;
    int links = 0;
    Resolution result;

    void prepend(std::string_view path) {
        auto parts = split(path, '/');
        std::move(parts.rbegin(), parts.rend(), std::back_inserter(todo));
    }
    void go_up() {
        if (at.empty()) result.escapes = true;
        at = parent_of(at);
    }
    // Ends with an error at `path`. The rest is lexical: there is nothing that could be a link.
    void stop(int error, const std::string& path) {
        result.error = error;
        at = path;
        for (; !todo.empty(); todo.pop_back()) {
            const auto& name = todo.back();
            if (name == "..")
                go_up();
            else if (!name.empty() && name != ".")
                at = child_of(at, name);
        }
        result.path = cat('/', at);
    }
};

LayerView::LayerView(std::vector<Layer> layers) : layers_(std::move(layers)), fds_(layers_.size()) {}

Resolution LayerView::resolve(std::string_view path, bool follow_last_symlink) {
    Walk walk;
    walk.follow_last = follow_last_symlink;
    walk.prepend(path);
    if (path.find('\0') != std::string_view::npos) walk.stop(ENOENT, {});
    while (!walk.todo.empty() && walk.result.error == 0) {
        const auto name = std::move(walk.todo.back());
        walk.todo.pop_back();
        take_step(walk, name);
    }
    if (walk.result.error == 0 && !walk.result.entry) {  // it ended in a directory: "/", "usr/", "usr/bin/.."
        if (auto found = find_in(parts_of(parent_of(walk.at)), walk.at))
            walk.result.entry = std::move(found->entry);
        else
            walk.stop(ENOENT, walk.at);  // there are no layers
    }
    if (walk.result.entry) walk.result.path = walk.result.entry->path;
    return std::move(walk.result);
}

void LayerView::take_step(Walk& walk, const std::string& name) {
    if (name.empty() || name == ".") return;
    if (name == "..") return walk.go_up();

    // Behind a slash that ends the path comes an empty part, so "link/" is not the last part either.
    const bool last = walk.todo.empty();
    const auto path = child_of(walk.at, name);
    if (!last && !parts_of(path).empty()) {
        walk.at = path;
        return;
    }
    auto found = find_in(parts_of(walk.at), path);
    if (!found) return walk.stop(ENOENT, path);

    auto& entry = found->entry;
    if (entry.is_symlink() && (!last || walk.follow_last)) {
        if (++walk.links > max_links) return walk.stop(ELOOP, path);
        if (entry.link_target.starts_with('/')) walk.at.clear();
        return walk.prepend(entry.link_target);
    }
    if (!last) return walk.stop(ENOTDIR, path);
    walk.result.entry = std::move(entry);
}

std::optional<Entry> LayerView::lookup(std::string_view path, bool follow_last_symlink) {
    return resolve(path, follow_last_symlink).entry;
}

Fd LayerView::open_file(const Entry& entry) {
    int error = 0;
    const auto path = entry.path.substr(1);
    auto fd = open_in_layer(entry.layer, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, error);
    if (!fd) cannot_read(entry.layer, path, error);
    struct stat status {};
    if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(ErrorKind::bad_input, cat(quote(host_path(entry)), " is not a regular file"));
    return fd;
}

std::optional<std::string> LayerView::read_file(std::string_view path, std::size_t max_bytes) {
    const auto entry = lookup(path);
    if (!entry || !entry->is_regular()) return std::nullopt;
    return read_fd(open_file(*entry).get(), host_path(*entry), max_bytes);
}

std::string LayerView::host_path(const Entry& entry) const {
    return entry.path == "/" ? layers_[entry.layer].path : cat(layers_[entry.layer].path, entry.path);
}

// The merged directory at `path`, from cache or from its parent.
const LayerView::Parts& LayerView::parts_of(const std::string& path) {
    if (const auto known = directories_.find(path); known != directories_.end()) return known->second;
    auto parts = path.empty() ? layers_below(layers_.size()) : parts_in(parts_of(parent_of(path)), path);
    return directories_.emplace(path, std::move(parts)).first->second;
}

LayerView::Parts LayerView::layers_below(std::size_t end) const {
    Parts parts;
    for (auto layer = end; layer > 0; layer--) parts.push_back(layer - 1);
    return parts;
}

// The layers that make up the directory at `path`, whose parent directory is made of `parents`. A layer with something
// else there, a whiteout among them, ends the merge, and so does an opaque directory.
LayerView::Parts LayerView::parts_in(const Parts& parents, const std::string& path) {
    Parts parts;
    for (const auto layer : parents) {
        int error = 0;
        auto fd = open_in_layer(layer, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, error);
        const bool readable = error != EACCES;
        // A directory that may be searched but not read still takes part; its marks cannot be seen.
        if (!readable) fd = open_in_layer(layer, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, error);
        if (!fd && no_such_name(error)) continue;
        if (!fd && (error == ENOTDIR || error == ELOOP)) break;
        if (!fd) cannot_read(layer, path, error);
        parts.push_back(layer);
        if (readable && is_opaque(fd.get())) break;
    }
    return parts;
}

// What the merged directory made of `parents` has at `path`.
std::optional<LayerView::Found> LayerView::find_in(const Parts& parents, const std::string& path) {
    for (const auto layer : parents) {
        int error = 0;
        Found found;
        found.fd = open_in_layer(layer, path, O_PATH | O_NOFOLLOW, error);
        if (!found.fd && no_such_name(error)) continue;
        auto& status = found.entry.status;
        if (!found.fd || fstat(found.fd.get(), &status) != 0) cannot_read(layer, path, found.fd ? errno : error);
        if (is_whiteout(layer, path, status)) return std::nullopt;

        found.entry.layer = layer;
        found.entry.path = cat('/', path);
        if (found.entry.is_symlink()) found.entry.link_target = link_target(found.fd.get());
        return found;
    }
    return std::nullopt;
}

bool LayerView::is_whiteout(std::size_t layer, const std::string& path, const struct stat& status) {
    if (S_ISCHR(status.st_mode)) return status.st_rdev == makedev(0, 0);
    if (!S_ISREG(status.st_mode) || status.st_size != 0) return false;
    int error = 0;
    const auto fd = open_in_layer(layer, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, error);
    return fd && has_whiteout_attribute(fd.get());
}

Fd LayerView::open_in_layer(std::size_t layer, const std::string& path, int flags, int& error) {
    constexpr std::uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const auto open = [&] {
        return kernel::open_beneath(layer_fd(layer), path.empty() ? "." : path.c_str(),
                                    static_cast<std::uint64_t>(flags | O_CLOEXEC), 0, resolve);
    };
    auto opened = open();
    if (opened.error() == EMFILE) {  // 500 layers and a low limit: give back what can be opened again
        for (auto& fd : fds_) fd.reset();
        opened = open();
    }
    error = opened.error();
    return opened ? Fd(opened.value()) : Fd();
}

int LayerView::layer_fd(std::size_t layer) {
    auto& fd = fds_[layer];
    if (fd) return fd.get();
    const auto open = [&] { fd.reset(::open(layers_[layer].path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); };
    open();
    if (!fd && errno == EMFILE) {
        for (auto& other : fds_) other.reset();
        open();
    }
    if (!fd) cannot_read(layer, "", errno);
    return fd.get();
}

void LayerView::cannot_read(std::size_t layer, const std::string& path, int error) const {
    const auto where = cat(" layer ", quote(layers_[layer].name), " (", printable(layers_[layer].path), ')');
    const auto what = path.empty() ? where : cat(' ', quote(cat('/', path)), " in", where);
    const auto kind = kind_of(error);
    throw Error(
        kind, cat("cannot look at", what, ": ", errno_text(error)),
        kind == ErrorKind::not_permitted ? "the layer's files belong to another user: run as that user or as root" : "",
        error);
}

}  // namespace minirun
