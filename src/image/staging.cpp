#include "image/staging.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

Fd locked(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) fd.reset();
    return fd;
}

void sweep(const std::string& staging) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(staging.c_str()), &::closedir);
    while (const auto* entry = stream ? ::readdir(stream.get()) : nullptr) {
        if (entry->d_name[0] == '.') continue;
        const auto path = cat(staging, '/', entry->d_name);
        if (const auto lock = locked(path)) remove_tree(path);
    }
}

// Names of ImageStore::set_tag() that were not yet renamed: ".PID.…".
void sweep_tags(const std::string& tags) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(tags.c_str()), &::closedir);
    while (const auto* entry = stream ? ::readdir(stream.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (!name.starts_with('.')) continue;
        const auto pid = parse_number<pid_t>(name.substr(1, name.find('.', 1) - 1));
        if (pid && *pid > 0 && ::kill(*pid, 0) < 0 && errno == ESRCH)
            ::unlinkat(::dirfd(stream.get()), entry->d_name, 0);
    }
}

}  // namespace

Staging::Staging(const ImageStore& store) {
    for (const auto& directory : {store.images(), store.layers(), store.tags(), store.staging()})
        make_private_directories(directory);
    sweep(store.staging());
    sweep_tags(store.tags());
    // A sweep of somebody else may come between mkdtemp and flock, and take it for left behind.
    while (!lock_) {
        auto name = store.staging() + "/XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            throw system_error(cat("cannot make a directory in ", quote(store.staging())), errno);
        path_ = name;
        lock_ = locked(path_);
        struct stat info {};
        if (lock_ && ::fstat(lock_.get(), &info) == 0 && info.st_nlink == 0) lock_.reset();
    }
}

Staging::~Staging() { remove_tree(path_); }

bool Staging::publish(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return true;
    if (errno == EEXIST || errno == ENOTEMPTY) return false;
    throw system_error(cat("cannot rename ", quote(from), " to ", quote(to)), errno);
}

}  // namespace minirun
