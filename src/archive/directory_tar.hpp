// A directory -> a tar archive of it.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "archive/byte_source.hpp"
#include "archive/tar_writer.hpp"
#include "base/fd.hpp"

namespace minirun {

/// What a directory is that becomes an archive.
enum class TreeForm {
    root,            ///< the root of an image to be: a 0/0 device, and a name that a layer cannot hold, is refused
    layer,           ///< of a bundle, in overlayfs form
    writable_layer,  ///< the same of a container, whose own attributes (user.overlay.opaque) say nothing
    tree             ///< whatever there is, as it is
};

/// What of a container becomes an archive, where that is not a whole tree.
struct TarPart {
    std::string name;                 ///< of it in the archive; of what is in a directory "./"
    std::function<bool(int)> enters;  ///< whether a file or directory is read, whatever file system it is on
    std::function<std::pair<uid_t, gid_t>(uid_t, gid_t)> owners;  ///< of those here those in the archive
};

/// The archive of all that is below a directory, and of that itself as "./", in the order of the names: the same for
/// the same tree. Of another file system that is mounted below, only the mount point, and likewise of the directory
/// `except` (minirun's own data, which grows meanwhile). Sockets are left out.
///
/// Of a layer the archive has whiteouts and opaque markers (image specification, layer.md) in the place of 0/0 devices
/// and of the attribute trusted.overlay.opaque.
class DirectoryTar : public ByteSource {
public:
    /// Throws Error, which names `path`.
    DirectoryTar(const std::string& path, TreeForm form, const std::string& except);
    /// Of a directory or a file that is held by a descriptor (O_PATH is enough), as it is.
    DirectoryTar(const Fd& source, const std::string& path, TarPart part);

    Bytes next() override;

private:
    struct Level {
        Fd directory;
        std::string prefix;              ///< of the names in it
        std::vector<std::string> names;  ///< to come, the next one last
    };

    bool is_layer() const { return form_ == TreeForm::layer || form_ == TreeForm::writable_layer; }
    void add_whiteout(const std::string& prefix, const std::string& name);
    void refuse_what_is_not_whole(const std::string& name, const std::string& place) const;
    bool is_opaque_here(int directory) const;
    void enter(Fd directory, const std::string& prefix);
    void add_next_entry();
    void add_entry(const Fd& held, const std::string& name, const struct stat& info);
    void add_directory(const TarEntry& entry, Fd directory, const struct stat& info);
    void add_file(const TarEntry& entry, Fd file, const struct stat& info);
    void copy_some();
    [[noreturn]] void failed(const std::string& name, int error) const;

    std::string path_;
    TreeForm form_;
    TarPart part_;
    dev_t device_ = 0;
    std::pair<dev_t, ino_t> except_{};
    std::vector<unsigned char> ready_, given_, block_;
    TarWriter tar_;
    std::vector<Level> levels_;
    Fd file_;  ///< that is being copied
    std::string file_name_;
    std::uint64_t left_ = 0;
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;  ///< the first name of a file that has several
    bool finished_ = false;
};

}  // namespace minirun
