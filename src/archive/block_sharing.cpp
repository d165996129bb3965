#include "archive/block_sharing.hpp"

#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "archive/dedupe_range.hpp"
#include "archive/file_looks.hpp"
#include "base/interruption.hpp"
#include "base/text.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
// Of files with the same size and checksum: an archive can be made to have many that differ all the same.
constexpr int most_tries = 4;
constexpr std::uint64_t smallest_block = 4096;

std::uint64_t key_of(const TarReplay::Content& content) { return content.checksum ^ content.size; }

Fd open_in(const std::string& tree, const std::string& path, int flags) {
    const Fd root(::open(tree.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto opened = kernel::open_beneath(root.get(), path.empty() ? "." : path.c_str(),
                                             static_cast<std::uint64_t>(flags | O_CLOEXEC), 0, beneath);
    return Fd(opened ? opened.value() : -1);
}

// The inodes of files that have several names below `tree`; nothing if not all of it could be looked at.
std::optional<std::set<ino_t>> inodes_with_several_names(std::string tree) {
    char* const roots[] = {tree.data(), nullptr};
    const std::unique_ptr<FTS, int (*)(FTS*)> walk(::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr),
                                                   &::fts_close);
    if (!walk) return std::nullopt;
    std::set<ino_t> once, several;
    errno = 0;
    while (const FTSENT* entry = ::fts_read(walk.get())) {
        if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS) return std::nullopt;
        if (entry->fts_info != FTS_F || entry->fts_statp->st_nlink == 1) continue;
        if (!once.insert(entry->fts_statp->st_ino).second) several.insert(entry->fts_statp->st_ino);
    }
    return errno == 0 ? std::optional(std::move(several)) : std::nullopt;
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

std::string Shared::text() const { return cat(files, files == 1 ? " file, " : " files, ", human_size(bytes)); }

struct BlockSharing::Pair {
    const std::string& source_tree;
    const std::string& target_tree;
    Fd source, target;
    struct stat source_status {
    }, target_status{};
};

BlockSharing::BlockSharing(const ImageStore& store, std::string scratch)
    : store_layers_(store.layers()), scratch_(std::move(scratch)), by_blocks_(can_share_blocks(scratch_)) {}

void BlockSharing::add(const std::string& key) {
    const auto number = layers_.size();
    const auto directory = cat(store_layers_, '/', key);
    layers_.push_back(directory + "/tree");
    try {
        TarReplay::contents(directory, cat("layer ", key), [&](const TarReplay::Content& content) {
            if (!by_blocks_ || content.size >= smallest_block)
                places_.emplace(key_of(content), Place{number, content.path});
        });
    } catch (const Error&) {
        // Damaged, or removed just now: then there is nothing to share with it.
    }
}

std::optional<BlockSharing::Pair> BlockSharing::open_pair(const std::string& tree, const std::string& path,
                                                          const Place& place) {
    const auto& source_tree = layers_[place.layer];
    Pair pair{source_tree,
              tree,
              open_in(source_tree, place.path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
              open_in(tree, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
              {},
              {}};
    if (!pair.source || !pair.target || ::fstat(pair.source.get(), &pair.source_status) < 0 ||
        ::fstat(pair.target.get(), &pair.target_status) < 0)
        return std::nullopt;
    const auto &a = pair.source_status, &b = pair.target_status;
    const bool may_be = S_ISREG(a.st_mode) && S_ISREG(b.st_mode) && a.st_dev == b.st_dev && a.st_ino != b.st_ino &&
                        a.st_size == b.st_size;
    return may_be ? std::optional(std::move(pair)) : std::nullopt;
}

bool BlockSharing::has_other_names(const std::string& tree, const struct stat& status) {
    if (status.st_nlink == 1) return false;
    auto found = several_names_.find(tree);
    if (found == several_names_.end()) found = several_names_.emplace(tree, inodes_with_several_names(tree)).first;
    return !found->second || found->second->contains(status.st_ino);
}

bool BlockSharing::may_be_one_file(const Pair& pair) {
    const auto &a = pair.source_status, &b = pair.target_status;
    if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid || !is_same_time(a.st_mtim, b.st_mtim) ||
        has_other_names(pair.source_tree, a) || has_other_names(pair.target_tree, b))
        return false;
    return attributes_of(pair.source.get()) == attributes_of(pair.target.get());
}

BlockSharing::Plan BlockSharing::plan(const std::string& directory) {
    Plan plan{directory + "/tree", {}};
    TarReplay::contents(directory, cat("layer ", quote(directory)), [&](const TarReplay::Content& content) {
        check_interruption();
        auto [place, end] = places_.equal_range(key_of(content));
        int tries = 0;
        for (; place != end && tries < most_tries; ++place) {
            const auto& [layer, path] = place->second;
            if (!by_blocks_ && path != content.path) continue;
            const auto pair = open_pair(plan.tree, content.path, place->second);
            if (!pair) continue;
            tries++;
            // The kernel compares what is to share its blocks.
            const bool same = by_blocks_
                                  ? !has_same_blocks(pair->source.get(), pair->target.get())
                                  : may_be_one_file(*pair) && has_same_content(pair->source.get(), pair->target.get());
            if (!same) continue;
            plan.files.emplace_back(content.path, place->second);
            break;
        }
    });
    return plan;
}

Shared BlockSharing::share(const Plan& plan, const std::string& tree) {
    Shared shared;
    for (const auto& [path, place] : plan.files) {
        const auto pair = open_pair(tree, path, place);
        if (!pair) continue;
        const bool done = by_blocks_ ? dedupe_range(pair->source.get(), pair->target.get(),
                                                    static_cast<std::uint64_t>(pair->source_status.st_size))
                                     : make_one_file(*pair, tree, path);
        if (!done) continue;
        shared.files++;
        shared.bytes += static_cast<std::uint64_t>(pair->target_status.st_blocks) * 512;
    }
    for (const auto& [path, time] : times_) {
        const timespec times[2] = {{0, UTIME_OMIT}, time};
        const auto directory = open_in(tree, path, O_RDONLY | O_DIRECTORY);
        if (!directory || ::futimens(directory.get(), times) < 0)
            throw system_error(cat("cannot set the time of ", quote(cat(tree, '/', path))), errno);
    }
    times_.clear();
    several_names_.erase(tree);
    return shared;
}

// The new name is made beside the tree and renamed over the old file: at no moment the path is not there.
bool BlockSharing::make_one_file(const Pair& pair, const std::string& tree, const std::string& path) {
    const auto above = parent_of(path);
    const auto parent = open_in(tree, above, O_RDONLY | O_DIRECTORY);
    struct stat status {};
    if (!parent || ::fstat(parent.get(), &status) < 0) return false;
    const auto beside = scratch_ + "/name";
    ::unlink(beside.c_str());
    // Not by its path: what is linked is what was compared. It fails where a file has as many names as it can have.
    if (::linkat(AT_FDCWD, cat("/proc/self/fd/", pair.source.get()).c_str(), AT_FDCWD, beside.c_str(),
                 AT_SYMLINK_FOLLOW) < 0)
        return false;
    times_.try_emplace(above, status.st_mtim);
    const auto last = path.substr(above.empty() ? 0 : above.size() + 1);
    if (::renameat(AT_FDCWD, beside.c_str(), parent.get(), last.c_str()) == 0) return true;
    ::unlink(beside.c_str());
    return false;
}

}  // namespace minirun
