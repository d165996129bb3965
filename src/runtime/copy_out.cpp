#include "runtime/copy_out.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "runtime/copy_content.hpp"
#include "runtime/stored_data.hpp"

namespace minirun {
namespace {

constexpr int deepest = 200;                        // each level holds two descriptors
constexpr std::size_t longest_path = 4095;          // longer ones no system call takes
constexpr std::size_t most_linked_files = 1 << 20;  // which are remembered

// What stands in the way of the copy itself, not of one file of it.
bool is_of_the_target(int error) {
    return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO || error == ENOENT;
}

Fd open_directory(int parent, const char* name) {
    return Fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

struct CloseDir {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};
using Entries = std::unique_ptr<DIR, CloseDir>;

Entries entries_of(Fd directory) {
    Entries entries(directory ? ::fdopendir(directory.get()) : nullptr);
    if (entries) (void)directory.release();
    return entries;
}

class CopyOut {
public:
    CopyOut(const Fd& target, const std::string& name, const std::function<bool()>& stop)
        : target_(target), name_(name), stop_(stop) {}

    CopiedOut run(const Fd& source) {
        // O_PATH descriptors can be looked at, and have names in /proc that open them without looking anything up.
        const auto path = cat("/proc/self/fd/", source.get());
        struct stat info {};
        if (::fstat(source.get(), &info) < 0) throw system_error("cannot look at it", errno);
        if (S_ISDIR(info.st_mode) && is_stored(source.get(), info))
            copy_directory(entries_of(Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))), info,
                           target_.get(), name_.c_str(), "", 0);
        else if (S_ISREG(info.st_mode) && is_stored(source.get(), info))
            copy_file(Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), info, target_.get(), name_.c_str(),
                      "");
        else
            skip("");
        return std::move(done_);
    }

private:
    // A directory as far as it has been copied.
    struct Place {
        int source, target;
        std::string path;  // "" is the root of the copy
        int depth;
    };

    // The copy of a file that has more names.
    struct Copy {
        std::string path;
        dev_t device;
        ino_t inode;
    };

    void copy_directory(Entries entries, const struct stat& info, int parent, const char* name, const std::string& path,
                        int depth) {
        // The target can be on a volume of the container's: the copy does not hold itself.
        if (!entries || is_target(info)) return skip(path);
        if (::mkdirat(parent, name, 0700) < 0) return fail_or_skip(path);
        const auto made = open_directory(parent, name);
        if (!made) return fail_or_skip(path);
        const Place here{::dirfd(entries.get()), made.get(), path, depth};
        while (const dirent* entry = ::readdir(entries.get())) {
            const std::string_view entry_name = entry->d_name;
            if (entry_name == "." || entry_name == "..") continue;
            check_stop();
            copy_entry(here, entry->d_name);
        }
        set_looks(made.get(), info);
    }

    bool is_target(const struct stat& info) const {
        struct stat target {};
        return ::fstat(target_.get(), &target) == 0 && target.st_dev == info.st_dev && target.st_ino == info.st_ino;
    }

    void copy_entry(const Place& parent, const char* name) {
        struct stat info {};
        const auto path = cat(parent.path, '/', name);
        if (path.size() > longest_path || ::fstatat(parent.source, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            return skip(path);
        if (S_ISLNK(info.st_mode)) return copy_link(parent, name, path);
        // Looked at before it is opened: to open a device can do something.
        if (S_ISREG(info.st_mode)) {
            Fd file(::openat(parent.source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
            if (!file || !is_still(S_IFREG, file, info)) return skip(path);
            return copy_file(std::move(file), info, parent.target, name, path);
        }
        if (!S_ISDIR(info.st_mode) || parent.depth >= deepest) return skip(path);
        auto directory = open_directory(parent.source, name);
        if (!directory || !is_still(S_IFDIR, directory, info)) return skip(path);
        copy_directory(entries_of(std::move(directory)), info, parent.target, name, path, parent.depth + 1);
    }

    // What was opened is what counts.
    bool is_still(mode_t type, const Fd& file, struct stat& info) {
        return ::fstat(file.get(), &info) == 0 && (info.st_mode & S_IFMT) == type && is_stored(file.get(), info);
    }

    bool is_stored(int file, const struct stat& info) {
        if (last_device_ == info.st_dev) return true;
        const bool stored = is_stored_data(file);
        if (stored) last_device_ = info.st_dev;
        return stored;
    }

    void copy_link(const Place& parent, const char* name, const std::string& path) {
        std::array<char, PATH_MAX> buffer;
        const auto length = ::readlinkat(parent.source, name, buffer.data(), buffer.size());
        const std::string leads_to(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        if (leads_to.empty() || !is_link_within(leads_to, parent.depth)) return skip(path);
        if (::symlinkat(leads_to.c_str(), parent.target, name) < 0) fail_or_skip(path);
    }

    void copy_file(const Fd& file, const struct stat& info, int parent, const char* name, const std::string& path) {
        if (!file) return skip(path);
        if (info.st_nlink > 1 && !path.empty()) {
            const auto first = linked_.find({info.st_dev, info.st_ino});
            if (first != linked_.end()) {
                if (!link_to(first->second, parent, name)) fail_or_skip(path);
                return;
            }
            // Copied once for each of its names it would take more room than it had.
            if (linked_.size() >= most_linked_files) return skip(path);
        }
        const Fd made(::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!made) return fail_or_skip(path);
        std::uint64_t bytes = 0;
        struct stat copy {};
        if (!copy_content(file.get(), made.get(), info.st_size, bytes, [this] { check_stop(); })) {
            const int error = errno;
            ::unlinkat(parent, name, 0);
            errno = error;
            return fail_or_skip(path);
        }
        set_looks(made.get(), info);
        done_.files++;
        done_.bytes += bytes;
        if (info.st_nlink > 1 && ::fstat(made.get(), &copy) == 0)
            linked_.emplace(std::pair(info.st_dev, info.st_ino), Copy{cat(name_, path), copy.st_dev, copy.st_ino});
    }

    // Another container may be at work in the target: only what was made here is given another name. False with errno.
    bool link_to(const Copy& first, int parent, const char* name) const {
        const auto opened = kernel::open_beneath(target_.get(), first.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
                                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        errno = opened ? ESTALE : opened.error();
        if (!opened) return false;
        const Fd copy(opened.value());
        struct stat info {};
        if (::fstat(copy.get(), &info) < 0 || info.st_dev != first.device || info.st_ino != first.inode) return false;
        return ::linkat(copy.get(), "", parent, name, AT_EMPTY_PATH) == 0;
    }

    static void set_looks(int made, const struct stat& info) {
        const timespec times[2] = {info.st_atim, info.st_mtim};
        (void)::fchmod(made, info.st_mode & 0777u);
        (void)::futimens(made, times);
    }

    void skip(const std::string& path) {
        if (done_.skipped++ == 0) done_.first_skipped = path;
    }
    void fail_or_skip(const std::string& path) {
        if (is_of_the_target(errno) || path.empty()) throw system_error("cannot write the copy", errno);
        skip(path);
    }
    void check_stop() const {
        if (stop_ && stop_()) throw Error(ErrorKind::system, "interrupted");
    }

    const Fd& target_;
    const std::string& name_;
    const std::function<bool()>& stop_;
    std::optional<dev_t> last_device_;                // the last one that holds stored data
    std::map<std::pair<dev_t, ino_t>, Copy> linked_;  // files with several names: where the first one is
    CopiedOut done_;
};

}  // namespace

CopiedOut copy_out(const Fd& source, const Fd& directory, const std::string& name, const std::function<bool()>& stop) {
    return CopyOut(directory, name, stop).run(source);
}

// A ".." behind a name would be taken from where that name leads, if it is a link: that may be less deep than it looks.
bool is_link_within(const std::string& target, int depth) {
    if (target.empty() || target.starts_with('/')) return false;
    bool below = false;
    for (const auto& part : split(target, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            below = true;
            continue;
        }
        if (below || --depth < 0) return false;
    }
    return true;
}

}  // namespace minirun
