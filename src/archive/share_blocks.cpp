// minirun image dedup: the layers that are in the store already.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "archive/block_sharing.hpp"
#include "base/copy_tree.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "image/remove_image.hpp"
#include "image/staging.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// Holds a layer alone, so that another tree can take the place of the one that it has: nobody loads images, which may
// settle layers on it, and nobody reads or runs an image that has it. False if somebody does.
class HeldLayer {
public:
    HeldLayer(const ImageStore& store, const std::string& key)
        : layers_(::open(store.layers().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        if (!layers_ || ::flock(layers_.get(), LOCK_EX | LOCK_NB) < 0) return;
        for (const auto& id : store.all_images()) {
            if (!has_layer(store, id, key)) continue;
            images_.push_back(hold_image(store, id, true));
            if (!images_.back() && store.has_image(id)) return;
        }
        held_ = true;
    }
    explicit operator bool() const { return held_; }

private:
    // One that cannot be read may have any.
    static bool has_layer(const ImageStore& store, const std::string& id, const std::string& key) try {
        for (const auto& layer : stored_layers(store, id))
            if (layer.key == key) return true;
        return false;
    } catch (const Error&) {
        return true;
    }

    Fd layers_;
    std::vector<Fd> images_;
    bool held_ = false;
};

class Sharing {
public:
    explicit Sharing(const ImageStore& store) : store_(store), staging_(store), sharing_(store, staging_.path()) {}

    void add(const std::string& key) {
        try {
            share(key);
        } catch (const Error& error) {
            // A layer that was removed just now, that is damaged, or whose paths are too long for this: the others are
            // not.
            const bool of_this_layer = error.kind() == ErrorKind::bad_input || error.kind() == ErrorKind::not_found ||
                                       error.system_errno() == ENAMETOOLONG || error.system_errno() == ENOENT;
            if (!of_this_layer) throw;
            skipped++;
        }
        sharing_.add(key);
    }

    Shared shared;
    std::size_t skipped = 0;

private:
    void count(const Shared& more) {
        shared.files += more.files;
        shared.bytes += more.bytes;
    }

    void share(const std::string& key) {
        const auto tree = store_.layer_directory(key) + "/tree";
        const auto plan = sharing_.plan(store_.layer_directory(key));
        if (plan.files.empty()) return;
        if (sharing_.by_blocks()) return count(sharing_.share(plan, tree));
        // A layer is never half changed: a tree of other names for the same files is, and takes its place in one step.
        const auto other = staging_.path() + "/tree";
        link_tree(tree, other);
        const auto made = sharing_.share(plan, other);
        if (const HeldLayer held(store_, key); !held)
            skipped++;
        else if (::renameat2(AT_FDCWD, other.c_str(), AT_FDCWD, tree.c_str(), RENAME_EXCHANGE) < 0)
            throw system_error(cat("cannot exchange ", quote(tree)), errno);
        else
            count(made);
        remove_tree(other);
    }

    const ImageStore& store_;
    const Staging staging_;
    BlockSharing sharing_;
};

}  // namespace

Shared share_blocks(const ImageStore& store, std::size_t& skipped) {
    Sharing sharing(store);
    for (const auto& key : store.all_layers()) sharing.add(key);
    skipped = sharing.skipped;
    return sharing.shared;
}

}  // namespace minirun
