// Looks at an image's layers as the container will see them, without mounting anything: works rootless, in dry runs
// and before the first mount.
//
// The rules are those of overlayfs (Documentation/filesystems/overlayfs.rst): whiteouts, opaque directories, merged
// directories, and a non-directory that hides, or is hidden by, a directory. Both forms of the extended attributes
// count, trusted.overlay.* and user.overlay.*. Layers are hostile input: every path is opened with openat2(2) beneath
// the layer's own descriptor and without following a symbolic link; links are resolved here, against the merged view.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "minirun/image.hpp"

namespace minirun {

/// What the merged view has at a path.
struct Entry {
    std::size_t layer = 0;    ///< index into LayerView::layers(); of a merged directory, the topmost one
    std::string path;         ///< absolute in the container, no symbolic link in it: "/usr/bin/dash"
    struct stat status = {};  ///< of the file in its layer
    std::string link_target;  ///< of a symbolic link that was not followed

    bool is_directory() const noexcept { return S_ISDIR(status.st_mode); }
    bool is_regular() const noexcept { return S_ISREG(status.st_mode); }
    bool is_symlink() const noexcept { return S_ISLNK(status.st_mode); }
};

/// How a path resolves inside the container.
struct Resolution {
    std::optional<Entry> entry;
    /// 0, ENOENT, ENOTDIR (something on the way is no directory) or ELOOP (more than 40 symbolic links).
    int error = 0;
    /// Where the path leads, links resolved: the entry's path; behind the first missing part, the rest as it was
    /// written.
    std::string path;
    /// A ".." was at the root when it came, in the path itself or in a link. In a container it stays at the root;
    /// whoever follows the same path on the host ends up outside.
    bool escapes = false;
};

/// One name in a merged directory.
struct DirectoryEntry {
    std::string name;
    std::size_t layer = 0;  ///< the topmost layer that has it
    mode_t type = 0;        ///< S_IFREG, S_IFDIR, …
    bool operator==(const DirectoryEntry&) const = default;
};

/// What one layer adds to the layers below it.
struct LayerStats {
    std::uint64_t bytes = 0;       ///< lengths of its regular files, hard links counted once
    std::uint64_t disk_bytes = 0;  ///< what they and the directories take on disk
    std::uint64_t added = 0;       ///< names of non-directories that are new
    std::uint64_t changed = 0;     ///< names of non-directories that replace something visible below
    std::uint64_t deleted = 0;     ///< whiteouts of something visible below; a deleted directory is one
    std::uint64_t whiteouts = 0;   ///< all whiteouts, also those that hide nothing
    std::uint64_t directories_added = 0;
    std::uint64_t opaque_directories = 0;
    std::uint64_t hard_links = 0;  ///< names beyond the first of the same file
    std::uint64_t unreadable = 0;  ///< directories that this process must not read: what is in them is not counted
    bool operator==(const LayerStats&) const = default;
};

/// What one layer does at a path.
struct LayerEvent {
    enum class What {
        adds,      ///< nothing was there in the layers below
        replaces,  ///< the layers below have something else there, which is hidden
        merges,    ///< a directory over a directory
        opaque,    ///< a directory that hides what the one below holds
        deletes,   ///< a whiteout
        nothing,   ///< a whiteout of something that is not there
    };
    std::size_t layer = 0;
    What what = What::adds;
    std::string at;           ///< the path itself, or the parent at which it happens
    struct stat status = {};  ///< of the file at `at` in this layer
    bool visible = false;     ///< this is the file that the container sees
};

/// Told of a name that a layer replaces or deletes (a directory that is deleted is one).
using SeeChange = std::function<void(const std::string& path, LayerEvent::What what)>;

/// Not for use by several threads at once: directories that were looked at are remembered.
class LayerView {
public:
    /// `layers` lowest first, as in Image.
    explicit LayerView(std::vector<Layer> layers);

    const std::vector<Layer>& layers() const noexcept { return layers_; }

    /// Resolves an absolute or root-relative path as a process in the container would. Throws Error if a layer cannot
    /// be read.
    Resolution resolve(std::string_view path, bool follow_last_symlink = true);

    /// The entry alone.
    std::optional<Entry> lookup(std::string_view path, bool follow_last_symlink = true);

    /// A descriptor for reading the entry's file, which must be a regular one; checked after the open.
    Fd open_file(const Entry& entry);

    /// The text of a regular file, symbolic links followed; nothing if there is none or it is of another type.
    /// Throws Error if it is longer than `max_bytes`.
    std::optional<std::string> read_file(std::string_view path, std::size_t max_bytes);

    /// The names in a merged directory, sorted. Throws Error{not_found} if it is none.
    std::vector<DirectoryEntry> list(std::string_view path);

    /// The directories on the host that make up a merged directory, topmost first; a lower stack for an overlay of the
    /// image's content at `path`. Empty if there is no directory.
    std::vector<std::string> directory_stack(std::string_view path);

    /// What layers()[index] adds. Walks the whole layer; `see`, if there is one, is told the names behind `changed` and
    /// `deleted`, in no order.
    LayerStats layer_stats(std::size_t index, const SeeChange& see = {});

    /// What every layer that has `path`, or hides or deletes it, does there; topmost first. Links on the way are
    /// resolved, the last part is not followed.
    std::vector<LayerEvent> history(std::string_view path);

    /// The file's path on the host, for messages.
    std::string host_path(const Entry& entry) const;

private:
    using Parts = std::vector<std::size_t>;  ///< the layers of one merged directory, topmost first
    struct Found {
        Entry entry;
        Fd fd;  ///< O_PATH
    };
    struct Walk;    // the state of resolve()
    struct Census;  // the state of layer_stats()
    class Past;     // the state of history()

    int layer_fd(std::size_t layer);
    Fd open_in_layer(std::size_t layer, const std::string& path, int flags, int& error);
    Parts layers_below(std::size_t end) const;
    const Parts& parts_of(const std::string& path);
    Parts parts_in(const Parts& parents, const std::string& path);
    std::optional<Found> find_in(const Parts& parents, const std::string& path);
    bool is_whiteout(std::size_t layer, const std::string& path, const struct stat& status);
    void take_step(Walk& walk, const std::string& name);
    void count_directory(Census& census, const std::string& path, const Parts& below);
    [[noreturn]] void cannot_read(std::size_t layer, const std::string& path, int error) const;

    std::vector<Layer> layers_;
    std::vector<Fd> fds_;                                 ///< of layers_, opened when they are needed
    std::unordered_map<std::string, Parts> directories_;  ///< by resolved path; none: there is no directory
};

}  // namespace minirun
