#include "runtime/container_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "base/file.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "cgroup/cgroup_steps.hpp"
#include "cgroup/control.hpp"
#include "kernel/system_error.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "model/launch_request.hpp"
#include "runtime/stored_container.hpp"
#include "runtime/supervision_mark.hpp"

namespace minirun {
namespace {

Fd lock_directory(const std::string& path) noexcept {
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (directory && ::flock(directory.get(), LOCK_EX | LOCK_NB) < 0) directory.reset();
    return directory;
}

// Looked at again with the lock: until then its maker may have been at work.
Fd lock_unless_stored(const std::string& path) noexcept {
    auto lock = is_stored_container(path) ? Fd() : lock_directory(path);
    if (lock && is_stored_container(path)) lock.reset();
    return lock;
}

// It is seen to have ended then, or is gone.
void observe_lost(const Paths& paths, const std::string& id) {
    try {
        (void)StoredContainer::find(paths, id).observe();
    } catch (const Error&) {
        // Gone, or of no use; whoever names it is told.
    }
}

bool was_removed(int directory) noexcept {
    struct stat info {};
    return ::fstat(directory, &info) < 0 || info.st_nlink == 0;
}

// Calls f with the name of each entry.
template <class F>
void for_each_entry(const std::string& path, F f) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
        if (entry->d_name[0] != '.') f(std::string(entry->d_name));
}

bool is_dangling(const Paths& paths, const std::string& name) {
    const auto target = read_link(paths.names + "/" + name);
    return !target.empty() && ::access((paths.containers + "/" + target).c_str(), F_OK) < 0;
}

bool has_directory(const Paths& paths, const std::string& id) {
    return ::access((paths.containers + "/" + id).c_str(), F_OK) == 0;
}

// Asked by each run, of all containers that there are. Of one that runs its mark says that all is well; and where no
// more names are than containers that have one, none leads nowhere.
bool has_left_behind(const Paths& paths) {
    SupervisionMarks marks(paths);
    bool found = false;
    std::size_t stored = 0, names = 0;
    for_each_entry(paths.containers, [&](const std::string& id) {
        const auto path = paths.containers + "/" + id;
        if (marks.has(id) || (is_stored_container(path) && !StoredContainer::is_lost(path)))
            stored++;
        else
            found = found || lock_unless_stored(path) || StoredContainer::is_lost(path);
    });
    for_each_entry(paths.names, [&](const std::string&) { names++; });
    if (names > stored)
        for_each_entry(paths.names, [&](const std::string& name) { found = found || is_dangling(paths, name); });
    for_each_entry(paths.processes, [&](const std::string& id) { found = found || !has_directory(paths, id); });
    return found;
}

// Of which no path leads elsewhere, and no column of a table is spoiled.
void check_word(std::string_view what, const std::string& word, std::size_t longest, std::string_view others) {
    const auto is_alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    const auto allowed = [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; };
    const bool ok = !word.empty() && word.size() <= longest && is_alphanumeric(word[0]) &&
                    std::all_of(word.begin(), word.end(), allowed);
    if (!ok)
        throw Error(ErrorKind::usage, cat("the ", what, ' ', quote(word), " is not valid"),
                    "letters, digits, '_', '.' and '-', beginning with a letter or digit");
}

}  // namespace

std::string new_container_id() {
    unsigned char bytes[32];
    if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
        throw system_error("cannot get random bytes", errno);
    std::string id;
    for (const auto byte : bytes) {
        id += "0123456789abcdef"[byte >> 4];
        id += "0123456789abcdef"[byte & 15];
    }
    return id;
}

bool is_stored_container(const std::string& path) noexcept {
    return ::access((path + "/container.json").c_str(), F_OK) == 0;
}

void check_container_name(const std::string& name) { check_word("container name", name, 128, "_.-"); }

// aardvark-dns keeps a file of the network's name beside its own.
void check_network_name(const std::string& name) {
    check_word("network name", name, 128, "_.-");
    if (name.starts_with("aardvark."))
        throw Error(ErrorKind::usage, cat("the network name ", quote(name), " is not valid"),
                    "aardvark-dns has files of such names");
}

void check_container_id(const std::string& id) { check_word("container id", id, 255, "_.-+"); }

ContainerDirectory::ContainerDirectory(const Paths& paths, const std::string& id, const std::string& name)
    : path_(paths.containers + "/" + id), process_record_(paths.processes + "/" + id) {
    while (true) {
        if (::mkdir(path_.c_str(), 0700) < 0 && errno != EEXIST) {
            if (errno != ENOENT) throw system_error(cat("cannot make the directory ", quote(path_)), errno, root_hint);
            make_private_directories(paths.containers);
            continue;
        }
        lock_ = lock_directory(path_);
        if (!lock_ && errno != EWOULDBLOCK && errno != ENOENT) {
            const int error = errno;
            remove_tree(path_);
            throw system_error(cat("cannot lock the directory ", quote(path_)), error, root_hint);
        }
        // A sweep may have come between mkdir and flock, and taken it for left behind.
        if (lock_ && !was_removed(lock_.get())) break;
    }
    if (!name.empty()) try {
            take_container_name(paths, id, name);
            name_link_ = paths.names + "/" + name;
        } catch (...) {
            remove_tree(path_);
            throw;
        }
}

void take_container_name(const Paths& paths, const std::string& id, const std::string& name) {
    make_private_directories(paths.names);
    const auto link = paths.names + "/" + name;
    while (::symlink(id.c_str(), link.c_str()) < 0) {
        if (errno != EEXIST) throw system_error(cat("cannot take the name ", quote(name)), errno, root_hint);
        const auto holder = read_link(link);
        const auto directory = paths.containers + "/" + holder;
        if (StoredContainer::is_lost(directory)) observe_lost(paths, holder);
        if (::access(directory.c_str(), F_OK) == 0 && (is_stored_container(directory) || !lock_directory(directory)))
            throw Error(ErrorKind::conflict,
                        cat("the name ", quote(name), " is in use by container ", holder.substr(0, 12)),
                        "choose another name, or remove that container first");
        ::unlink(link.c_str());
    }
}

void ContainerDirectory::keep() noexcept {
    path_.clear();
    lock_.reset();
}

ContainerDirectory::~ContainerDirectory() {
    if (path_.empty()) return;
    if (!name_link_.empty()) ::unlink(name_link_.c_str());
    ::unlink(process_record_.c_str());
    remove_tree(path_);
}

void sweep(const Paths& paths) noexcept try {
    for_each_entry(paths.containers, [&](const std::string& id) {
        const auto path = paths.containers + "/" + id;
        if (StoredContainer::is_lost(path)) return observe_lost(paths, id);
        const auto lock = lock_unless_stored(path);
        if (!lock) return;
        const auto record = paths.processes + "/" + id;
        end_recorded_process(record);
        end_recorded_process(cat(path, '/', pasta_record));
        end_connection(cat(path, '/', network_record), paths.networks_state);
        remove_cgroup_of_name(read_link(cat(path, '/', cgroup_record)));
        ::unlink(record.c_str());
        remove_tree(path);
    });
    for_each_entry(paths.names, [&](const std::string& name) {
        if (is_dangling(paths, name)) ::unlink((paths.names + "/" + name).c_str());
    });
    // A record is made in a directory that is there, and goes before it.
    for_each_entry(paths.processes, [&](const std::string& id) {
        if (has_directory(paths, id)) return;
        const auto record = paths.processes + "/" + id;
        end_recorded_process(record);
        ::unlink(record.c_str());
    });
} catch (...) {
    // Out of memory: the next command tries again.
}

void sweep_networks(const Paths& paths) noexcept try {
    for_each_entry(paths.containers, [&](const std::string& id) {
        const auto path = paths.containers + "/" + id;
        const auto record = cat(path, '/', network_record);
        if (::access(record.c_str(), F_OK) < 0) return;
        if (StoredContainer::is_lost(path)) return observe_lost(paths, id);
        const auto lock = lock_unless_stored(path);
        if (!lock) return;
        end_recorded_process(paths.processes + "/" + id);
        end_connection(record, paths.networks_state);
    });
} catch (...) {
    // Out of memory: the next command tries again.
}

Sweeper::Sweeper(const Paths& paths) noexcept {
    try {
        if (!has_left_behind(paths)) return;
        std::packaged_task<void()> task([paths] { sweep(paths); });
        auto done = task.get_future();
        std::thread(std::move(task)).detach();
        done_ = std::move(done);
    } catch (...) {
        // No memory, or no thread to be had: a container runs here, and the next command can sweep.
    }
}

Sweeper::~Sweeper() {
    constexpr std::chrono::seconds moment(2);
    if (done_.valid()) done_.wait_for(moment);
}

}  // namespace minirun
