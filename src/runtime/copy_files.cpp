#include "runtime/copy_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "base/interruption.hpp"
#include "base/text.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "runtime/copy_content.hpp"
#include "runtime/stored_data.hpp"

namespace minirun {
namespace {

constexpr int deepest = 1000;  // each level holds some descriptors

using Entries = std::unique_ptr<DIR, int (*)(DIR*)>;

// What an O_PATH descriptor holds, opened without looking anything up again.
Fd reopen(const Fd& held, int flags) {
    return Fd(::open(cat("/proc/self/fd/", held.get()).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

struct stat look_at(const Fd& file, const std::string& path) {
    struct stat info {};
    if (::fstat(file.get(), &info) < 0) throw system_error(cat("cannot look at ", quote(path)), errno);
    return info;
}

// What is mounted in another mount namespace than this process's would go with the name that it is mounted on.
bool is_mount_point(const Fd& parent, const std::string& name) {
    struct statx info {};
    return ::statx(parent.get(), name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &info) == 0 &&
           (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

class CopyFiles {
public:
    CopyFiles(const Fd& target, const CopyRules& rules)
        : target_(target), rules_(rules), new_name_(cat(".minirun-cp-", ::getpid())) {}

    CopiedFiles run(const Fd& source, const std::string& name) {
        const auto info = look_at(source, name);
        if (!is_stored_data(target_.get()))
            throw Error(ErrorKind::unsupported, "the target is in a file system of the kernel's, such as /proc");
        if (name.empty())
            copy_entries(source, target_, "", 0);
        else
            copy(source, info, target_, name, name, 0);
        return std::move(done_);
    }

private:
    // A copy of a file that has more names.
    struct Copy {
        std::string path;
        dev_t device;
        ino_t inode;
    };

    void copy(const Fd& source, const struct stat& info, const Fd& parent, const std::string& name,
              const std::string& path, int depth) {
        check_interruption();
        if ((S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) && !is_stored_data(source.get())) return skip(path);
        if (S_ISDIR(info.st_mode)) return copy_directory(source, info, parent, name, path, depth);
        if (S_ISLNK(info.st_mode)) return copy_link(source, info, parent, name, path);
        if (S_ISFIFO(info.st_mode)) return copy_fifo(info, parent, name, path);
        if (S_ISREG(info.st_mode)) return copy_file(source, info, parent, name, path);
        skip(path);
    }

    void copy_directory(const Fd& source, const struct stat& info, const Fd& parent, const std::string& name,
                        const std::string& path, int depth) {
        // On a volume the target can be within the source: the copy does not hold itself.
        if (root_ && root_->first == info.st_dev && root_->second == info.st_ino) return;
        if (depth >= deepest)
            throw Error(ErrorKind::unsupported, cat(quote(path), " is deeper than ", deepest, " directories"));
        const bool is_new = ::mkdirat(parent.get(), name.c_str(), 0700) == 0;
        if (!is_new && errno != EEXIST) failed(path);
        const Fd made(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made && (errno == ENOTDIR || errno == ELOOP))
            throw Error(ErrorKind::conflict,
                        cat("cannot replace ", quote(path), ", which is no directory, by a directory"),
                        "remove it first");
        if (!made) failed(path);
        if (!is_stored_data(made.get())) return skip(path);
        const auto copy = look_at(made, path);
        if (!root_) root_ = {copy.st_dev, copy.st_ino};
        copy_entries(source, made, path, depth);
        if (is_new || !rules_.only_places.contains(path)) set_looks(made.get(), info, path);
    }

    void copy_entries(const Fd& source, const Fd& target, const std::string& path, int depth) {
        auto opened = reopen(source, O_RDONLY | O_DIRECTORY);
        const Entries entries(opened ? ::fdopendir(opened.get()) : nullptr, &::closedir);
        if (!entries) throw system_error(cat("cannot read ", quote(path)), errno);
        (void)opened.release();
        while (const dirent* entry = ::readdir(entries.get())) {
            if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
            const auto below = cat(path, path.empty() ? "" : "/", entry->d_name);
            // Held by its path first: to open a device or a pipe can block, or do something.
            const Fd held(::openat(::dirfd(entries.get()), entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
            if (!held && errno == ENOENT) continue;  // removed just now
            if (!held) throw system_error(cat("cannot read ", quote(below)), errno);
            copy(held, look_at(held, below), target, entry->d_name, below, depth + 1);
        }
    }

    void copy_link(const Fd& source, const struct stat& info, const Fd& parent, const std::string& name,
                   const std::string& path) {
        char leads_to[PATH_MAX] = {};
        if (::readlinkat(source.get(), "", leads_to, sizeof leads_to - 1) < 0)
            throw system_error(cat("cannot read ", quote(path)), errno);
        ::unlinkat(parent.get(), new_name_.c_str(), 0);
        if (::symlinkat(leads_to, parent.get(), new_name_.c_str()) < 0) failed(path);
        give_owner(info, parent, path);
        put_into_place(parent, name, path);
    }

    void copy_fifo(const struct stat& info, const Fd& parent, const std::string& name, const std::string& path) {
        ::unlinkat(parent.get(), new_name_.c_str(), 0);
        if (::mkfifoat(parent.get(), new_name_.c_str(), info.st_mode & 0777) < 0) failed(path);
        give_owner(info, parent, path);
        put_into_place(parent, name, path);
    }

    void copy_file(const Fd& source, const struct stat& info, const Fd& parent, const std::string& name,
                   const std::string& path) {
        if (link_again(info, parent, name, path)) return;
        const auto opened = reopen(source, O_RDONLY);
        if (!opened) throw system_error(cat("cannot read ", quote(path)), errno);
        ::unlinkat(parent.get(), new_name_.c_str(), 0);
        const Fd made(
            ::openat(parent.get(), new_name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!made) failed(path);
        try {
            std::uint64_t bytes = 0;
            if (!copy_content(opened.get(), made.get(), info.st_size, bytes, check_interruption)) failed(path);
            set_looks(made.get(), info, path);
            put_into_place(parent, name, path);
        } catch (...) {
            ::unlinkat(parent.get(), new_name_.c_str(), 0);
            throw;
        }
        const auto copy = look_at(made, path);
        if (info.st_nlink > 1)
            linked_.emplace(std::pair(info.st_dev, info.st_ino), Copy{path, copy.st_dev, copy.st_ino});
    }

    // Another name of a file that was copied. False if it is to be copied (again): also where the copy is not there any
    // more, or is not what was made.
    bool link_again(const struct stat& info, const Fd& parent, const std::string& name, const std::string& path) const {
        const auto first = info.st_nlink > 1 ? linked_.find({info.st_dev, info.st_ino}) : linked_.end();
        if (first == linked_.end()) return false;
        const auto opened =
            kernel::open_beneath(target_.get(), first->second.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (!opened) return false;
        const Fd copy(opened.value());
        const auto made = look_at(copy, path);
        if (made.st_dev != first->second.device || made.st_ino != first->second.inode) return false;
        ::unlinkat(parent.get(), new_name_.c_str(), 0);
        if (::linkat(copy.get(), "", parent.get(), new_name_.c_str(), AT_EMPTY_PATH) < 0) return false;
        put_into_place(parent, name, path);
        return true;
    }

    void put_into_place(const Fd& parent, const std::string& name, const std::string& path) const {
        const bool is_mounted = is_mount_point(parent, name);
        if (!is_mounted && ::renameat(parent.get(), new_name_.c_str(), parent.get(), name.c_str()) == 0) return;
        const int error = is_mounted ? EBUSY : errno;
        ::unlinkat(parent.get(), new_name_.c_str(), 0);
        if (error == EISDIR)
            throw Error(ErrorKind::conflict, cat("cannot replace the directory ", quote(path), " by a file"),
                        "remove it first");
        if (error == EBUSY)
            throw Error(ErrorKind::conflict, cat("cannot replace ", quote(path), ": something is mounted there"));
        errno = error;
        failed(path);
    }

    std::optional<std::pair<uid_t, gid_t>> owner_of(const struct stat& info) const {
        return rules_.owners ? std::optional(rules_.owners(info.st_uid, info.st_gid)) : std::nullopt;
    }

    // Of a link or a pipe that was made just now. Another file that somebody has put there meanwhile has more names, or
    // is of another type.
    void give_owner(const struct stat& info, const Fd& parent, const std::string& path) const {
        const auto owner = owner_of(info);
        if (!owner) return;
        const Fd made(::openat(parent.get(), new_name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!made) failed(path);
        const auto is = look_at(made, path);
        if ((is.st_mode & S_IFMT) != (info.st_mode & S_IFMT) || is.st_nlink != 1)
            throw Error(ErrorKind::conflict, cat(quote(path), " was changed while it was copied"), "try again");
        if (::fchownat(made.get(), "", owner->first, owner->second, AT_EMPTY_PATH) < 0) failed(path);
    }

    // The owner before the mode: chown(2) takes the set-user-id bit away.
    void set_looks(int made, const struct stat& info, const std::string& path) const {
        const auto owner = owner_of(info);
        if (owner && ::fchown(made, owner->first, owner->second) < 0) failed(path);
        if (::fchmod(made, info.st_mode & (owner ? 07777 : 01777)) < 0) failed(path);
        const timespec times[2] = {info.st_atim, info.st_mtim};
        (void)::futimens(made, times);
    }

    void skip(const std::string& path) {
        if (done_.skipped++ == 0) done_.first_skipped = path;
    }
    [[noreturn]] static void failed(const std::string& path) {
        throw system_error(cat("cannot write ", quote(path)), errno);
    }

    const Fd& target_;
    const CopyRules& rules_;
    std::string new_name_;                            // of what is being made, until it is whole
    std::optional<std::pair<dev_t, ino_t>> root_;     // the first directory that was made or entered
    std::map<std::pair<dev_t, ino_t>, Copy> linked_;  // files with several names: where the first one is
    CopiedFiles done_;
};

}  // namespace

CopiedFiles copy_files(const Fd& source, const Fd& directory, const std::string& name, const CopyRules& rules) {
    return CopyFiles(directory, rules).run(source, name);
}

}  // namespace minirun
