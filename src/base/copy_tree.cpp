#include "base/copy_tree.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/interruption.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

class Copy {
public:
    enum class Files { copied, linked };
    Copy(std::string from, std::string to, Files files)
        : from_(std::move(from)), to_(std::move(to)), linked_(files == Files::linked) {}

    void run() {
        namespace fs = std::filesystem;
        copy("");
        for (const char* acl : {"system.posix_acl_default", "system.posix_acl_access"})
            ::removexattr(to_.c_str(), acl);  // inherited from where it was made
        std::error_code error;
        fs::recursive_directory_iterator entries(from_, error);
        for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error))
            copy(entries->path().native().substr(from_.size()));
        if (error) throw Error(ErrorKind::system, cat("cannot read ", quote(from_)), "", error.value());
        // What is made in a directory changes its times, and inherits its default ACL and the group of a setgid one.
        for (auto directory = directories_.rbegin(); directory != directories_.rend(); ++directory) {
            set_owner_and_attributes(directory->first, directory->second);
            set_times(directory->first, directory->second);
        }
    }

private:
    void copy(const std::string& name) {
        check_interruption();
        const auto source = from_ + name;
        struct stat info {};
        check(::lstat(source.c_str(), &info), name);
        if (S_ISDIR(info.st_mode)) {
            check(::mkdir((to_ + name).c_str(), 0700), name);
            directories_.emplace_back(name, info);
            return;
        }
        if (linked_) return check(::link(source.c_str(), (to_ + name).c_str()), name);
        const auto [first, is_new] = links_.try_emplace({info.st_dev, info.st_ino}, name);
        if (!is_new && info.st_nlink > 1) {
            check(::link((to_ + first->second).c_str(), (to_ + name).c_str()), name);
            return;
        }
        make(name, info);
        set_owner_and_attributes(name, info);
        set_times(name, info);
    }

    void make(const std::string& name, const struct stat& info) {
        const auto target = to_ + name;
        if (S_ISREG(info.st_mode))
            copy_content(name, info);
        else if (S_ISLNK(info.st_mode))
            check(::symlink(read_link(from_ + name).c_str(), target.c_str()), name);
        else
            check(::mknod(target.c_str(), info.st_mode, info.st_rdev), name);
    }

    void copy_content(const std::string& name, const struct stat& info) {
        const Fd source(::open((from_ + name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        const Fd target(::open((to_ + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        check(source ? 0 : -1, name);
        check(target ? 0 : -1, name);
        if (::ioctl(target.get(), FICLONE, source.get()) == 0) return;
        // Hole by hole, so that a sparse file stays one.
        check(::ftruncate(target.get(), info.st_size), name);
        for (off_t at = 0; (at = ::lseek(source.get(), at, SEEK_DATA)) >= 0;) {
            const off_t end = ::lseek(source.get(), at, SEEK_HOLE);
            check(end < 0 ? -1 : ::lseek(target.get(), at, SEEK_SET), name);
            while (at < end) {
                const auto n = ::sendfile(target.get(), source.get(), &at, static_cast<std::size_t>(end - at));
                check(n, name);
                if (n == 0) return;
            }
        }
        if (errno != ENXIO) fail(name);  // ENXIO: no data behind this place
    }

    void set_owner_and_attributes(const std::string& name, const struct stat& info) {
        const auto target = to_ + name;
        check(::lchown(target.c_str(), info.st_uid, info.st_gid), name);
        // After the owner, whose change takes setuid bits and capabilities away.
        if (!S_ISLNK(info.st_mode)) check(::chmod(target.c_str(), info.st_mode & 07777u), name);
        std::string names(65536, '\0');
        const auto length = ::llistxattr((from_ + name).c_str(), names.data(), names.size());
        if (length < 0 && errno == ENOTSUP) return;
        check(length, name);
        names.resize(static_cast<std::size_t>(length));
        for (const auto& key : split(names, '\0')) {
            if (key.empty()) continue;
            std::string value(65536, '\0');
            const auto size = ::lgetxattr((from_ + name).c_str(), key.c_str(), value.data(), value.size());
            check(size, name);
            check(::lsetxattr(target.c_str(), key.c_str(), value.data(), static_cast<std::size_t>(size), 0), name);
        }
    }

    void set_times(const std::string& name, const struct stat& info) {
        const timespec times[2] = {info.st_atim, info.st_mtim};
        check(::utimensat(AT_FDCWD, (to_ + name).c_str(), times, AT_SYMLINK_NOFOLLOW), name);
    }

    void check(long result, const std::string& name) const {
        if (result < 0) fail(name);
    }
    [[noreturn]] void fail(const std::string& name) const {
        throw Error(ErrorKind::system, cat("cannot copy ", quote(from_ + name), " to ", quote(to_)),
                    errno == ENOSPC ? "make room there, or set MINIRUN_ROOT to a directory with more" : "", errno);
    }

    std::string from_, to_;
    bool linked_;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;  ///< the first name of each file
    std::vector<std::pair<std::string, struct stat>> directories_;
};

}  // namespace

void copy_tree(const std::string& from, const std::string& to) { Copy(from, to, Copy::Files::copied).run(); }

void link_tree(const std::string& from, const std::string& to) { Copy(from, to, Copy::Files::linked).run(); }

}  // namespace minirun
