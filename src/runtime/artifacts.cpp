#include "runtime/artifacts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "runtime/copy_out.hpp"
#include "runtime/mounts_root.hpp"

namespace minirun {
namespace {

std::string last_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string without_slashes_behind(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

Fd open_or_make(const std::string& given) {
    const auto path = without_slashes_behind(given);
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        ::mkdir(path.substr(0, slash).c_str(), 0755);
    ::mkdir(path.c_str(), 0755);
    // What an earlier container has put in its place, in a volume, must not send the copy elsewhere. The way to it is
    // the caller's.
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!directory && (errno == ENOTDIR || errno == ELOOP) && ::lstat(path.c_str(), &info) == 0 &&
        S_ISLNK(info.st_mode))
        throw Error(ErrorKind::usage,
                    cat("--artifacts: ", quote(given), " is a symbolic link, which could lead anywhere"),
                    "name the directory itself");
    if (!directory) throw system_error(cat("--artifacts: cannot make the directory ", quote(given)), errno);
    return directory;
}

bool is_there(const Fd& directory, const std::string& name) {
    struct stat info {};
    return ::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

bool is_missing(int error) { return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG; }

// A name that nobody else has while a copy is being made.
class Staging {
public:
    explicit Staging(const Fd& directory) : directory_(directory), name_(cat(".minirun-", ::getpid(), "-artifact")) {
        remove();
    }
    ~Staging() { remove(); }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    const std::string& name() const { return name_; }
    // Where the file system cannot rename without replacing, something that came meanwhile would be replaced.
    void move_to(const std::string& name) const {
        int moved = ::renameat2(directory_.get(), name_.c_str(), directory_.get(), name.c_str(), RENAME_NOREPLACE);
        if (moved < 0 && errno == EINVAL && !is_there(directory_, name))
            moved = ::renameat(directory_.get(), name_.c_str(), directory_.get(), name.c_str());
        if (moved < 0) throw system_error("cannot put the copy into its place", errno);
    }

private:
    void remove() const {
        if (::unlinkat(directory_.get(), name_.c_str(), 0) == 0 || errno == ENOENT) return;
        (void)remove_tree(cat("/proc/self/fd/", directory_.get(), '/', name_));
    }
    const Fd& directory_;
    std::string name_;
};

}  // namespace

Artifacts::Artifacts(const std::vector<ArtifactOption>& options) {
    for (const auto& option : options) {
        Target target{option, open_or_make(option.directory), last_name(option.path)};
        bool taken = is_there(target.directory, target.name);
        for (const auto& other : targets_)
            taken = taken ||
                    (other.name == target.name && kernel::is_same_file(other.directory.get(), target.directory.get()));
        if (taken)
            throw Error(ErrorKind::usage,
                        cat("--artifacts ", quote(cat(option.path, ':', option.directory)), ": there is ",
                            quote(target.name), " in that directory already"),
                        "remove it, or name another directory");
        targets_.push_back(std::move(target));
    }
}

std::vector<ArtifactResult> Artifacts::collect(const Fd& mounts, const std::function<bool()>& stop) const {
    std::vector<ArtifactResult> results;
    if (targets_.empty()) return results;
    int error = ESRCH;
    const auto root = mounts ? root_of_mounts(mounts, error) : Fd();
    for (const auto& target : targets_) {
        auto& result = results.emplace_back();
        result.path = target.option.path;
        result.directory = target.option.directory;
        try {
            if (!root) throw system_error("cannot enter the container's mounts", error);
            const auto found = kernel::open_in_root(root.get(), target.option.path.c_str());
            result.missing = is_missing(found.error());
            if (result.missing) continue;
            if (!found) throw system_error("cannot open it", found.error());
            const Fd source(found.value());
            const Staging staging(target.directory);
            auto copied = copy_out(source, target.directory, staging.name(), stop);
            if (copied.skipped == 0 || !copied.first_skipped.empty()) staging.move_to(target.name);
            result.files = copied.files;
            result.bytes = copied.bytes;
            result.skipped = copied.skipped;
            if (copied.skipped > 0) result.first_skipped = cat(target.option.path, copied.first_skipped);
        } catch (const Error& failed) {
            result.error = failed.message();
        }
    }
    return results;
}

std::string remark_on(const ArtifactResult& artifact) {
    const auto name = cat("--artifacts ", quote(artifact.path));
    if (artifact.error) return cat(name, " was not copied to ", quote(artifact.directory), ": ", *artifact.error);
    if (artifact.missing) return cat(name, ": the container has left no such file or directory");
    if (artifact.skipped == 0) return "";
    return cat(name, ": left out ", artifact.skipped,
               artifact.skipped == 1 ? " name, which is a special file, a link to elsewhere, or not to be read: "
                                     : " names, which are special files, links to elsewhere, or not to be read: ",
               quote(artifact.first_skipped), artifact.skipped == 1 ? "" : ", …");
}

}  // namespace minirun
