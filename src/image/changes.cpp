#include "image/changes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "image/layer_view.hpp"

namespace minirun {
namespace {

constexpr std::size_t longest_path = 4095;  // longer ones no system call takes
constexpr int deepest = 200;                // each level holds a descriptor

struct ByPath {
    using is_transparent = void;
    bool operator()(const Change& a, const Change& b) const { return a.path < b.path; }
};

// The first ones by path, however many there are.
class FirstChanges {
public:
    explicit FirstChanges(std::size_t most) : most_(most) {}
    // How many were dropped: 0 or 1.
    std::uint64_t add(const std::string& path, const struct stat& status) {
        const auto size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
        changes_.insert({path, status.st_mode, size});
        if (changes_.size() <= most_) return 0;
        changes_.erase(std::prev(changes_.end()));
        return 1;
    }
    std::vector<Change> take() const { return {changes_.begin(), changes_.end()}; }

private:
    std::size_t most_;
    std::set<Change, ByPath> changes_;
};

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0); }

Fd open_directory(int parent, const char* name) {
    return Fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

std::uint32_t unmapped(const std::vector<IdMapping>& mappings, std::uint32_t id) {
    for (const auto& one : mappings)
        if (id >= one.host_id && id - one.host_id < one.size) return one.container_id + (id - one.host_id);
    return id;
}

class Walk {
public:
    Walk(const WritableLayer& layer, std::size_t most, const std::function<bool()>& stop)
        : layer_(layer), stop_(stop), view_(layer.layers), added_(most), modified_(most), deleted_(most) {
        for (const auto& path : layer.made_for_it)
            for (std::size_t end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1))
                made_for_it_.insert(path.substr(0, end));
    }

    Changes run() {
        Directory root{open_directory(layer_.directory, "."), "", true, false, 0};
        root.hides = root.fd && is_opaque(root.fd.get(), layer_.attributes);
        visit(root);
        return {added_.take(), modified_.take(), deleted_.take(), omitted_};
    }

private:
    struct Directory {
        Fd fd;
        std::string path;  // "" is the root
        bool below;        // the layers below have it, as a directory
        bool hides;        // what they have in it is hidden
        int depth;
    };

    void visit(Directory& directory) {
        Fd again(::fcntl(directory.fd.get(), F_DUPFD_CLOEXEC, 0));
        const std::unique_ptr<DIR, int (*)(DIR*)> entries(again ? ::fdopendir(again.get()) : nullptr, ::closedir);
        if (!entries) return omit();
        (void)again.release();
        while (const dirent* entry = ::readdir(entries.get())) {
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            if (stopped_ || (stop_ && (++steps_ & 255) == 0 && stop_())) return give_up();
            look_at(directory, entry->d_name);
        }
        if (directory.hides && directory.below) tell_hidden(directory);
    }

    void look_at(const Directory& parent, const char* name) {
        struct stat status {};
        const auto path = cat(parent.path, '/', name);
        if (path.size() > longest_path || ::fstatat(parent.fd.get(), name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            return omit();
        // Its parent is a directory in all that counts, so no link of a layer leads elsewhere.
        const auto below = parent.below ? view_.lookup(path, false) : std::nullopt;
        if (S_ISDIR(status.st_mode)) return look_at_directory(parent, name, path, status, below);
        if (is_whiteout(status)) {
            if (below) note(deleted_, path, below->status);
            return;
        }
        const bool for_it = S_ISREG(status.st_mode) && status.st_size == 0 && made_for_it_.contains(path);
        if (below || !for_it) note(below ? modified_ : added_, path, status);
    }

    void look_at_directory(const Directory& parent, const char* name, const std::string& path,
                           const struct stat& status, const std::optional<Entry>& below) {
        const bool merged = below && below->is_directory();
        const auto before = seen_;
        if (parent.depth >= deepest) {
            omit();
        } else {
            Directory here{open_directory(parent.fd.get(), name), path, merged, parent.hides, parent.depth + 1};
            if (merged && !here.hides) here.hides = here.fd && is_opaque(here.fd.get(), layer_.attributes);
            visit(here);
        }
        if (!below && seen_ == before && made_for_it_.contains(path)) return;
        if (!merged || has_changed(status, below->status)) note(below ? modified_ : added_, path, status);
    }

    bool has_changed(const struct stat& now, const struct stat& before) const {
        return (now.st_mode & 07777u) != (before.st_mode & 07777u) ||
               unmapped(layer_.uids, now.st_uid) != before.st_uid || unmapped(layer_.gids, now.st_gid) != before.st_gid;
    }

    // A directory that was deleted and made again: what it held and does not hold any more.
    void tell_hidden(const Directory& directory) {
        for (const auto& one : view_.list(directory.path.empty() ? "/" : directory.path)) {
            struct stat status {};
            if (::fstatat(directory.fd.get(), one.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
            const auto path = cat(directory.path, '/', one.name);
            if (const auto below = view_.lookup(path, false)) note(deleted_, path, below->status);
        }
    }

    void note(FirstChanges& list, const std::string& path, const struct stat& status) {
        seen_++;
        omitted_ += list.add(path, status);
    }
    void omit() {
        seen_++;
        omitted_++;
    }
    void give_up() {
        if (!stopped_) omit();
        stopped_ = true;
    }

    const WritableLayer& layer_;
    const std::function<bool()>& stop_;
    LayerView view_;                     // of the layers below; it remembers their directories only
    std::set<std::string> made_for_it_;  // with all directories on the way
    FirstChanges added_, modified_, deleted_;
    std::uint64_t seen_ = 0, omitted_ = 0;
    unsigned steps_ = 0;
    bool stopped_ = false;
};

}  // namespace

Changes find_changes(const WritableLayer& layer, std::size_t most, const std::function<bool()>& stop) {
    return Walk(layer, most, stop).run();
}

}  // namespace minirun
