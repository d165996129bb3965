#include "archive/settle_layer.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/path.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "image/overlay_attributes.hpp"
#include "kernel/files.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The time of a directory stays what it is, whatever is made in it.
class SameTime {
public:
    explicit SameTime(int directory) : directory_(directory) { ::fstat(directory, &before_); }
    ~SameTime() {
        const timespec times[2] = {before_.st_mtim, before_.st_mtim};
        ::futimens(directory_, times);
    }
    SameTime(const SameTime&) = delete;
    SameTime& operator=(const SameTime&) = delete;

private:
    int directory_;
    struct stat before_ {};
};

class Settler {
public:
    Settler(const std::string& tree, const std::vector<Layer>& below, const std::string& name)
        : tree_(::open(tree.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), view_(below), name_(name) {}

    void settle_directory(const std::string& path) {
        const auto entry = view_.lookup("/" + path, false);
        if (!entry || !entry->is_directory()) return;
        const auto directory = open_in_tree(path, O_RDONLY | O_DIRECTORY);
        if (directory) copy_looks(*entry, directory.get());
    }

    void settle_link(const std::string& path, const std::string& target) {
        const auto entry = view_.lookup("/" + target, false);
        if (!entry || entry->is_directory())
            throw Error(ErrorKind::bad_input,
                        cat(name_, ": the entry ", quote(path), " is a hard link to ", quote(target), ", which is ",
                            entry ? "a directory" : "neither in this layer before it nor below it"));
        if (!entry->is_regular())
            throw Error(ErrorKind::unsupported, cat(name_, ": the entry ", quote(path), " is a hard link to ",
                                                    quote(target), " of a layer below, which is no regular file"));
        // Where the file shows through, it becomes one of this layer, too. Where a later entry of the archive has taken
        // its place, or has deleted it, the link is the first name of a file of its own.
        const auto [place, is_new] = copied_.try_emplace(target, shows_through(target) ? target : path);
        const auto& source = place->second;
        const auto source_parent = make_directories(parent_of(source));
        const SameTime sources_time(source_parent.get());
        if (is_new) copy_file(*entry, source_parent, last_of(source));
        if (source == path) return;
        const auto parent = make_directories(parent_of(path));
        const SameTime parents_time(parent.get());
        ::unlinkat(parent.get(), last_of(path).c_str(), 0);
        if (::linkat(source_parent.get(), last_of(source).c_str(), parent.get(), last_of(path).c_str(), 0) < 0)
            failed(path);
    }

private:
    [[noreturn]] void failed(const std::string& path) const {
        throw system_error(cat("cannot unpack ", quote(path), " of ", name_), errno);
    }

    Fd open_in_tree(const std::string& path, int flags) const {
        const auto opened = kernel::open_beneath(tree_.get(), path.empty() ? "." : path.c_str(),
                                                 static_cast<std::uint64_t>(flags | O_CLOEXEC), 0, beneath);
        if (!opened) errno = opened.error();
        return Fd(opened ? opened.value() : -1);
    }

    // Whether this layer has nothing that hides the file `path` of a layer below.
    bool shows_through(const std::string& path) const {
        for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
            const auto directory = open_in_tree(path.substr(0, end), O_RDONLY | O_DIRECTORY);
            if (!directory) return errno == ENOENT;
            if (is_opaque(directory.get())) return false;
        }
        return !open_in_tree(path, O_PATH | O_NOFOLLOW) && errno == ENOENT;
    }

    Fd make_directories(const std::string& path) {
        if (auto directory = open_in_tree(path, O_RDONLY | O_DIRECTORY)) return directory;
        const auto above = make_directories(parent_of(path));
        if (::mkdirat(above.get(), last_of(path).c_str(), 0755) < 0) failed(path);
        settle_directory(path);
        return open_in_tree(path, O_RDONLY | O_DIRECTORY);
    }

    // Owner, mode, attributes, time.
    void copy_looks(const Entry& entry, int fd) {
        const auto& status = entry.status;
        const auto source = view_.host_path(entry);
        // What it has inherited from the directory that it was made in.
        for (const char* acl : {"system.posix_acl_default", "system.posix_acl_access"}) ::fremovexattr(fd, acl);
        if (::fchown(fd, status.st_uid, status.st_gid) < 0 || ::fchmod(fd, status.st_mode & 07777) < 0)
            failed(entry.path);
        char names[65536];
        const auto length = ::llistxattr(source.c_str(), names, sizeof names);
        for (const char* name = names; length > 0 && name < names + length; name += std::string_view(name).size() + 1) {
            if (std::string_view(name).find("overlay.") != std::string_view::npos) continue;
            char value[65536];
            const auto size = ::lgetxattr(source.c_str(), name, value, sizeof value);
            if (size >= 0) ::fsetxattr(fd, name, value, static_cast<std::size_t>(size), 0);
        }
        const timespec times[2] = {status.st_mtim, status.st_mtim};
        ::futimens(fd, times);
    }

    void copy_file(const Entry& entry, const Fd& parent, const std::string& name) {
        const Fd copy(::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!copy) failed(entry.path);
        const auto source = view_.open_file(entry);
        char block[65536];
        ssize_t n = 0;
        while ((n = ::read(source.get(), block, sizeof block)) > 0)
            if (!kernel::write_all(copy.get(), block, static_cast<std::size_t>(n))) failed(entry.path);
        if (n < 0) failed(entry.path);
        copy_looks(entry, copy.get());
    }

    Fd tree_;
    LayerView view_;
    const std::string& name_;
    std::map<std::string, std::string> copied_;  ///< of a file below: the name that it has here
};

}  // namespace

void settle_layer(const UnpackedLayer& layer, const std::string& tree, const std::vector<Layer>& below,
                  const std::string& name) {
    Settler settler(tree, below, name);
    for (const auto& path : layer.implied_directories) settler.settle_directory(path);
    for (const auto& [path, target] : layer.links_below) settler.settle_link(path, target);
}

}  // namespace minirun
