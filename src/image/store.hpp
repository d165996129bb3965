// The image store: every layer on disk once.
//
//     images/HEX/config.json        the config as it came; HEX is its SHA-256, the image's id
//     images/HEX/layers/sha256-…    for each DiffID a link to where that layer is: the image is a bundle
//     layers/KEY/tree/              a layer in overlayfs form; KEY is "sha256-" and its DiffID, or its ChainID where it
//                                   could only be made on top of the layers below
//     layers/KEY/tar-record         how its archive was made up, without what is in tree/ (archive/tar_record.hpp)
//     layers/KEY/replaced/          files of the archive that a later entry of it replaced
//     layers/KEY/layer.json         its DiffID and sizes, and the digest of the compressed blob that it came as
//     tags/NAME:TAG                 a link to HEX; '/' in the name is '%'
//     tags/NAME@sha256:…            the same, by the digest of the image's manifest, or of an index around it
//     staging/                      what is being made, each in a directory that its maker holds by flock(2)
//
// Everything appears by rename(2), layers before the image and the image before its tags: what can be seen is whole.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

class ImageStore {
public:
    /// `data` is the data directory (Paths::data). Nothing is made; it need not exist.
    explicit ImageStore(std::string data) : data_(std::move(data)) {}

    const std::string& data() const { return data_; }
    std::string images() const { return data_ + "/images"; }
    std::string layers() const { return data_ + "/layers"; }
    std::string tags() const { return data_ + "/tags"; }
    std::string staging() const { return data_ + "/staging"; }

    std::string image_directory(std::string_view hex) const;
    /// Of a layer by its key.
    std::string layer_directory(std::string_view key) const;
    bool has_image(std::string_view hex) const;
    bool has_layer(std::string_view key) const;

    /// The id (64 hex digits) of the image that `text` means: a tag, "sha256:" and an id, an id, or at least four
    /// digits that only one id begins with. Nothing if there is none. Throws Error{usage} if several ids begin so.
    std::optional<std::string> find(std::string_view text) const;

    struct Tag {
        std::string name;  ///< Reference::full()
        std::string id;    ///< of its image
    };
    /// Sorted by name.
    std::vector<Tag> all_tags() const;
    /// The same of the names with a digest in the place of a tag.
    std::vector<Tag> all_digests() const;
    /// The ids of all images.
    std::vector<std::string> all_images() const;

    /// The keys of all layers.
    std::vector<std::string> all_layers() const;

    /// Makes or moves a tag, or a name with a digest, in one step. `name` is Reference::full().
    void set_tag(const std::string& name, const std::string& id) const;
    /// Makes the names with these digests ("sha256:…") of the repositories of `tags`. One that is too long for a file's
    /// name is not made.
    void set_digests(const std::vector<std::string>& tags, const std::vector<std::string>& digests,
                     const std::string& id) const;
    void remove_tag(const std::string& name) const;
    /// When it was set: seconds since 1970 and nanoseconds; 0 if there is none.
    timespec tag_time(const std::string& name) const;

private:
    std::string tag_path(const std::string& name) const;
    std::vector<Tag> names(bool with_digest) const;

    std::string data_;
};

}  // namespace minirun
