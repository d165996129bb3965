// Identical files of different layers share their blocks on disk.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "archive/tar_record.hpp"
#include "base/fd.hpp"
#include "image/store.hpp"

namespace minirun {

struct Shared {
    std::uint64_t files = 0, bytes = 0;
    /// "3 files, 12MB"
    std::string text() const;
};

/// Finds files by the sizes and checksums in the records of the layers' archives, and looks at all of their bytes
/// before it does anything.
///
/// Where the file system can share blocks of two files (ioctl_fideduperange(2)), these do, whatever else they are.
/// Elsewhere a file becomes another name of the one that another layer has at the same path, if mode, owner, time and
/// attributes are the same, too. At the same path: then no image sees two names of one file where its archives made two
/// files, whichever layers it has. For the same reason neither may have further names in its own layer.
class BlockSharing {
public:
    /// `scratch` is a directory of the store's file system, for files on the way.
    BlockSharing(const ImageStore& store, std::string scratch);

    bool by_blocks() const { return by_blocks_; }

    /// A layer that is in its place: others can share its files.
    void add(const std::string& key);

    /// What of the layer in `directory` can be shared with those that were added.
    struct Plan;
    Plan plan(const std::string& directory);
    /// Does it in `tree`, the layer's own or one that is like it. By names only where nobody sees it: it is changed
    /// file by file, and so are the times of its directories in between.
    Shared share(const Plan& plan, const std::string& tree);

private:
    struct Place {
        std::size_t layer;  ///< in layers_
        std::string path;
    };
    /// Open files that are the same, and where they are.
    struct Pair;
    std::optional<Pair> open_pair(const std::string& tree, const std::string& path, const Place& place);
    bool may_be_one_file(const Pair& pair);
    bool make_one_file(const Pair& pair, const std::string& tree, const std::string& path);
    bool has_other_names(const std::string& tree, const struct stat& status);

    std::string store_layers_, scratch_;
    bool by_blocks_;
    std::vector<std::string> layers_;  ///< their trees
    std::unordered_multimap<std::uint64_t, Place> places_;
    std::map<std::string, std::optional<std::set<ino_t>>> several_names_;  ///< by tree; nothing: it is not known
    std::map<std::string, timespec> times_;  ///< of directories in which files were exchanged
};

struct BlockSharing::Plan {
    std::string tree;
    std::vector<std::pair<std::string, Place>> files;
};

/// Lets the layers of the store share their files. Where that goes by names, a layer of an image that is in use stays
/// as it is: `skipped` counts those. Throws Error.
Shared share_blocks(const ImageStore& store, std::size_t& skipped);

}  // namespace minirun
