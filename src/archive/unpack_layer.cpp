#include "archive/unpack_layer.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <set>
#include <string_view>

#include "archive/attributes.hpp"
#include "archive/whiteout.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* default_acl = "system.posix_acl_default";
constexpr std::uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

class Unpacker {
public:
    // Without `layer` the names of whiteouts are names like others.
    Unpacker(TarReader& tar, const Fd& tree, const std::string& name, const Limits& limits, bool layer,
             TarRecorder* recorder)
        : tar_(tar), tree_(tree), name_(name), limits_(limits), layer_(layer), recorder_(recorder) {}

    UnpackedLayer run() {
        TarEntry entry;
        std::uint64_t entries = 0;
        while (tar_.next(entry)) {
            if (++entries > limits_.entries)
                throw Error(ErrorKind::bad_input, cat(name_, " has more than ", limits_.entries, " entries"),
                            "--max-entries raises the limit");
            if (!layer_) entry.xattrs.clear();
            unpack(entry);
        }
        finish_directories();
        for (const auto& [path, explicitly] : directories_)
            if (!explicitly.named) result_.implied_directories.push_back(path);
        return std::move(result_);
    }

private:
    struct Directory {
        bool named = false;  ///< the archive has an entry for it
        timespec mtime{};
        std::string default_acl;
    };

    [[noreturn]] void refuse(const TarEntry& entry, std::string_view why, std::string hint = "") const {
        throw Error(ErrorKind::bad_input, cat(name_, ": the entry ", quote(entry.name), ' ', why), std::move(hint));
    }
    std::string_view whole() const { return layer_ ? "layer" : "directory"; }
    static std::string path_hint(std::size_t limit) {
        return limit < PATH_MAX - 1 ? "--max-path raises the limit" : "no path on Linux is longer";
    }
    [[noreturn]] void failed(const TarEntry& entry, int error) const {
        throw system_error(cat("cannot unpack ", quote(entry.name), " of ", name_), error,
                           error == ENOSPC ? "make space, or set MINIRUN_ROOT to a directory on another disk" : "");
    }

    // "./usr//bin/" -> "usr/bin"; the root of the layer is "". Nothing may lead out of it, not even and back in.
    std::string checked_path(const TarEntry& entry, std::string_view path) const {
        std::string clean;
        std::size_t depth = 0;
        for (const auto& part : split(path, '/')) {
            if (part.empty() || part == ".") continue;
            if (part == "..") refuse(entry, cat("leaves the ", whole(), ": ", quote(path)));
            if (part.size() > 255) refuse(entry, "has a name of more than 255 bytes");
            clean += (clean.empty() ? "" : "/") + part;
            depth++;
        }
        if (clean.size() > limits_.path)
            refuse(entry, cat("has a path of more than ", limits_.path, " bytes"), path_hint(limits_.path));
        if (depth > limits_.depth)
            refuse(entry, cat("lies more than ", limits_.depth, " directories deep"), "--max-depth raises the limit");
        return clean;
    }

    // The directory `path`, open; made with all its parents if it is not there.
    int parent(const TarEntry& entry, const std::string& path) {
        if (path == open_path_ && open_) return open_.get();
        if (path.empty()) return tree_.get();
        auto opened = kernel::open_beneath(tree_.get(), path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, beneath);
        if (!opened && (opened.error() == ENOENT || (opened.error() == ENOTDIR && deleted_.contains(path)))) {
            const auto slash = path.rfind('/');
            const int above = parent(entry, slash == std::string::npos ? "" : path.substr(0, slash));
            const auto last = slash == std::string::npos ? path : path.substr(slash + 1);
            remove_whiteout(above, last, path);
            if (::mkdirat(above, last.c_str(), 0755) < 0) failed(entry, errno);
            mark_opaque_if_recreated(above, last, path);
            directories_[path];
            opened = kernel::open_beneath(tree_.get(), path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, beneath);
        }
        if (opened.error() == ENOTDIR || opened.error() == ELOOP)
            refuse(entry,
                   cat("lies below ", quote(path), ", which is no directory in this ", layer_ ? "layer" : "archive"));
        if (!opened) failed(entry, opened.error());
        open_.reset(opened.value());
        open_path_ = path;
        return open_.get();
    }

    void unpack(const TarEntry& entry) {
        // An archive with a NUL in a name cannot be told apart from one without: libarchive ends the name there.
        const auto path = checked_path(entry, entry.name);
        if (path.empty()) {
            if (!S_ISDIR(entry.mode)) refuse(entry, cat("names the root of the ", whole(), ", and is no directory"));
            note_directory("", entry);
            result_.root_is_named = true;
            finish(entry, tree_.get(), Opened::whole);
            return;
        }
        const auto slash = path.rfind('/');
        const auto above = slash == std::string::npos ? std::string() : path.substr(0, slash);
        const auto last = slash == std::string::npos ? path : path.substr(slash + 1);
        const int directory = parent(entry, above);
        if (layer_ && last.starts_with(whiteout_prefix))
            hide(entry, directory, above, last);
        else
            make(entry, directory, path, last);
    }

    void hide(const TarEntry& entry, int directory, const std::string& above, const std::string& last) {
        if (last == opaque_marker) {
            if (const int error = set_opaque(directory); error != 0) failed(entry, error);
            return;
        }
        // Other names with two prefixes are aufs's own bookkeeping.
        const auto hidden = last.substr(whiteout_prefix.size());
        if (hidden.starts_with(whiteout_prefix)) return;
        if (hidden.empty() || hidden == "." || hidden == "..") refuse(entry, "deletes nothing that has a name");
        const auto path = above.empty() ? hidden : above + "/" + hidden;
        deleted_.insert(path);
        result_.links_below.erase(path);
        if (::mknodat(directory, hidden.c_str(), S_IFCHR, makedev(0, 0)) == 0) return;
        if (errno != EEXIST) failed(entry, errno);
        // This layer has something new there: a file hides what is below, a directory has to be told to.
        mark_opaque_if_recreated(directory, hidden, path);
    }

    void make(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        if (entry.is_hard_link) return link(entry, directory, path, last);
        result_.links_below.erase(path);
        switch (entry.mode & S_IFMT) {
            case S_IFDIR: return make_directory(entry, directory, path, last);
            case S_IFREG: return make_file(entry, directory, path, last);
            case S_IFLNK: return make_symbolic_link(entry, directory, path, last);
            case S_IFCHR:
                if (layer_ && entry.major == 0 && entry.minor == 0)
                    refuse(entry, "is a 0/0 device, which is how a deleted file is kept");
                [[fallthrough]];
            case S_IFBLK:
            case S_IFIFO:
                make_new(entry, directory, path, last, [&] {
                    return ::mknodat(directory, last.c_str(), entry.mode & S_IFMT, makedev(entry.major, entry.minor));
                });
                break;
            default: refuse(entry, cat("is of a type that a ", whole(), " cannot hold"));
        }
        const Fd made(::openat(directory, last.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!made) failed(entry, errno);
        finish(entry, made.get(), Opened::path_only);
    }

    // What was there before in this archive goes: the later entry counts. Mostly there is nothing, so it is tried
    // first.
    template <typename Make>
    int make_new(const TarEntry& entry, int directory, const std::string& path, const std::string& last, Make make) {
        int result = make();
        if (result < 0 && errno == EEXIST) {
            clear(entry, directory, path, last);
            result = make();
        }
        if (result < 0) failed(entry, errno);
        return result;
    }

    void make_symbolic_link(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        make_new(entry, directory, path, last,
                 [&] { return ::symlinkat(entry.link.c_str(), directory, last.c_str()); });
        result_.bytes += entry.link.size();
        const timespec times[2] = {entry.mtime, entry.mtime};
        if (::fchownat(directory, last.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            ::utimensat(directory, last.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
            failed(entry, errno);
    }

    void make_directory(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        bool is_new = ::mkdirat(directory, last.c_str(), 0700) == 0;
        if (!is_new && errno != EEXIST) failed(entry, errno);
        if (!is_new && clear(entry, directory, path, last)) {
            if (::mkdirat(directory, last.c_str(), 0700) < 0) failed(entry, errno);
            is_new = true;
        }
        if (is_new) mark_opaque_if_recreated(directory, last, path);
        Fd made(::openat(directory, last.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made) failed(entry, errno);
        note_directory(path, entry);
        finish(entry, made.get(), Opened::whole);
        // Mostly what is in it comes next.
        open_ = std::move(made);
        open_path_ = path;
    }

    void note_directory(const std::string& path, const TarEntry& entry) {
        auto& directory = directories_[path];
        directory = {true, entry.mtime, {}};
        for (const auto& [name, value] : entry.xattrs)
            if (name == default_acl) directory.default_acl = value;
    }

    void make_file(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        if (entry.size > limits_.bytes - result_.bytes)
            throw Error(ErrorKind::bad_input, cat(name_, " unpacks to more than ", human_size(limits_.bytes)),
                        "--max-size raises the limit");
        result_.bytes += entry.size;
        const Fd file(make_new(entry, directory, path, last, [&] {
            return ::openat(directory, last.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        }));
        // What is in the archive for a file with holes is not what is in the file.
        if (recorder_ != nullptr && !entry.is_sparse) recorder_->file(path, tar_.data_offset(), entry.size);
        std::uint64_t end = 0, delivered = 0;
        tar_.read_data([&](Bytes piece, std::uint64_t offset) {
            if (offset > entry.size || piece.size() > entry.size - offset)
                refuse(entry, "has more content than it says");
            if (offset != end && ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) failed(entry, errno);
            if (const auto written = kernel::write_all(file.get(), piece.data(), piece.size()); !written)
                failed(entry, written.error());
            end = offset + piece.size();
            delivered += piece.size();
        });
        if (!entry.is_sparse && delivered != entry.size) refuse(entry, "has less content than it says");
        if (end < entry.size && ::ftruncate(file.get(), static_cast<off_t>(entry.size)) < 0) failed(entry, errno);
        finish(entry, file.get(), Opened::whole);
    }

    void link(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        const auto target = checked_path(entry, entry.link);
        if (target.empty() || target == path)
            refuse(entry, cat("is a hard link to itself or to the root of the ", whole()));
        const auto slash = target.rfind('/');
        const auto above = slash == std::string::npos ? std::string(".") : target.substr(0, slash);
        const auto found =
            kernel::open_beneath(tree_.get(), above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, beneath);
        const Fd source(found ? found.value() : -1);
        const auto name = slash == std::string::npos ? target : target.substr(slash + 1);
        struct stat info {};
        if (!source || ::fstatat(source.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
            if (found.error() == ELOOP)
                refuse(entry, cat("is a hard link through a symbolic link: ", quote(entry.link)));
            clear(entry, directory, path, last);
            result_.links_below[path] = target;
            return;
        }
        if (S_ISDIR(info.st_mode)) refuse(entry, cat("is a hard link to the directory ", quote(entry.link)));
        if (S_ISCHR(info.st_mode) && info.st_rdev == 0)
            refuse(entry, cat("is a hard link to the deleted ", quote(entry.link)));
        make_new(entry, directory, path, last,
                 [&] { return ::linkat(source.get(), name.c_str(), directory, last.c_str(), 0); });
    }

    // Takes away what there is at the place of the entry. A directory stays under a directory: then false.
    bool clear(const TarEntry& entry, int directory, const std::string& path, const std::string& last) {
        struct stat info {};
        if (::fstatat(directory, last.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT) return true;
            failed(entry, errno);
        }
        if (S_ISDIR(info.st_mode) && S_ISDIR(entry.mode) && !entry.is_hard_link) return false;
        if (const int error = take_away(info.st_mode, directory, path, last); error != 0) failed(entry, error);
        if (!S_ISDIR(info.st_mode)) return true;
        directories_.erase(path);
        directories_.erase(directories_.lower_bound(path + '/'), directories_.lower_bound(path + char('/' + 1)));
        return true;
    }

    // Contents of files count for the record of the archive, even if they are in the layer no more.
    int take_away(mode_t mode, int directory, const std::string& path, const std::string& last) {
        if (S_ISDIR(mode)) open_path_ = "/";  // no entry's: what goes may be the parent of an entry before, or hold it
        if (recorder_ != nullptr && (S_ISDIR(mode) || S_ISREG(mode))) return recorder_->replace(path, directory, last);
        if (S_ISDIR(mode)) return remove_tree(cat("/proc/self/fd/", directory, '/', last));
        return ::unlinkat(directory, last.c_str(), 0) < 0 ? errno : 0;
    }

    void remove_whiteout(int directory, const std::string& last, const std::string& path) {
        if (deleted_.contains(path)) ::unlinkat(directory, last.c_str(), 0);
    }

    // Deleted and made again in one layer: what the layers below have in it stays hidden.
    void mark_opaque_if_recreated(int directory, const std::string& last, const std::string& path) {
        if (!deleted_.contains(path)) return;
        const Fd made(::openat(directory, last.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (made) set_opaque(made.get());
    }

    // A descriptor for the path only is good for few calls; the way around, by procfs, costs several times as much.
    enum class Opened { whole, path_only };

    // Owner before mode, which a change of owner would cut; times last.
    void finish(const TarEntry& entry, int fd, Opened opened) {
        const auto path = cat("/proc/self/fd/", fd);
        const auto mode = entry.mode & 07777;
        if (::fchownat(fd, "", entry.uid, entry.gid, AT_EMPTY_PATH) < 0) failed(entry, errno);
        if ((opened == Opened::whole ? ::fchmod(fd, mode) : ::chmod(path.c_str(), mode)) < 0) failed(entry, errno);
        set_attributes(entry, path);
        if (S_ISDIR(entry.mode)) return;
        const timespec times[2] = {entry.mtime, entry.mtime};
        if (::utimensat(fd, "", times, AT_EMPTY_PATH) < 0) failed(entry, errno);
    }

    void set_attributes(const TarEntry& entry, const std::string& path) const {
        for (const auto& [name, value] : entry.xattrs)
            if (is_kept_attribute(name) && name != default_acl &&
                ::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) < 0)
                not_kept(name, entry.name, errno);
    }

    [[noreturn]] void not_kept(const std::string& attribute, const std::string& path, int error) const {
        if (error != ENOTSUP)
            throw system_error(
                cat("cannot set the attribute ", printable(attribute), " of ", quote(path), " of ", name_), error);
        throw Error(
            ErrorKind::unsupported,
            cat("the file system of the store cannot keep the attribute ", printable(attribute), " of ", quote(path)),
            "set MINIRUN_ROOT to a directory on ext4, xfs or btrfs");
    }

    // At the end: whatever is made in a directory changes its time, and would inherit its default ACL.
    void finish_directories() const {
        for (const auto& [path, directory] : directories_) {
            if (!directory.named) continue;
            const auto opened = kernel::open_beneath(tree_.get(), path.empty() ? "." : path.c_str(),
                                                     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, beneath);
            const Fd fd(opened ? opened.value() : -1);
            const auto& acl = directory.default_acl;
            if (fd && !acl.empty() && ::fsetxattr(fd.get(), default_acl, acl.data(), acl.size(), 0) < 0)
                not_kept(default_acl, path, errno);
            const timespec times[2] = {directory.mtime, directory.mtime};
            if (!fd || ::futimens(fd.get(), times) < 0)
                throw system_error(cat("cannot set the time of ", quote(path), " of ", name_), errno);
        }
    }

    TarReader& tar_;
    const Fd& tree_;
    const std::string& name_;
    const Limits& limits_;
    const bool layer_;
    TarRecorder* recorder_;
    UnpackedLayer result_;
    std::map<std::string, Directory> directories_;
    std::set<std::string> deleted_;
    Fd open_;  ///< the parent of the last entry, and its path
    std::string open_path_;
};

}  // namespace

UnpackedLayer unpack_layer(TarReader& tar, const Fd& tree, const std::string& name, const Limits& limits,
                           TarRecorder* recorder) {
    return Unpacker(tar, tree, name, limits, true, recorder).run();
}

UnpackedLayer unpack_files(TarReader& tar, const Fd& tree, const std::string& name, const Limits& limits) {
    return Unpacker(tar, tree, name, limits, false, nullptr).run();
}

}  // namespace minirun
