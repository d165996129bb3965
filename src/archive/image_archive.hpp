// An archive or directory with images in it: what Docker, Podman, skopeo, umoci and buildah write.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/byte_source.hpp"
#include "base/fd.hpp"
#include "image/platform.hpp"

namespace minirun {

/// A file of the archive, or a part of it.
struct Blob {
    int fd = -1;  ///< the archive's; not owned
    std::uint64_t offset = 0, size = 0;
    std::string name;    ///< what messages call it
    std::string digest;  ///< what it is said to have, "sha256:…"; empty: nothing is said
};

/// One image as the archive describes it.
struct ArchivedImage {
    Blob config;
    std::vector<Blob> layers;        ///< lowest first
    std::vector<std::string> names;  ///< references as they are written there
    /// Digests of its manifest and of the indexes that this is in, "sha256:…"; none of a docker-archive.
    std::vector<std::string> manifests;
};

/// The files of a docker-archive, an OCI archive or an OCI layout directory.
///
/// Names in it are keys, never paths; of a directory only blobs/ALGORITHM/HEX, index.json and oci-layout are opened,
/// without following a link.
class ImageArchive {
public:
    /// `path` is a directory or a file; "-" is standard input. What cannot be read at any place (a pipe, a compressed
    /// archive) is written to an unnamed file in `scratch` meanwhile. Throws Error.
    ImageArchive(const std::string& path, const std::string& scratch, const Limits& limits);

    /// The images in it: all of a docker-archive; of an OCI index those for the platform.
    /// Throws Error{bad_input}; {unsupported} if an index has none for that platform, naming those that it has.
    std::vector<ArchivedImage> images(const Platform& platform);

    /// A layer that is not needed any more: of an archive that is kept in `scratch` meanwhile, its space on disk and in
    /// memory is given back. May be called by several threads at once.
    void give_back(const Blob& blob) const;

    /// The whole text of a small file, its digest checked.
    std::string read(const Blob& blob) const;

private:
    struct Manifest;
    void index_tar(ByteSource& source);
    std::string name_of(const std::string& reference) const;
    std::optional<Blob> find(const std::string& name);
    Blob need(const std::string& name, const std::string& wanted_by);
    std::vector<ArchivedImage> docker_images(const Blob& manifest);
    struct Above;
    void add_from_index(const Blob& index, const Platform& platform, const Above& above,
                        std::vector<ArchivedImage>& images, std::vector<std::string>& platforms);
    ArchivedImage image_from_manifest(const Blob& blob, const Above& above);
    Blob blob_of(const class JsonView& descriptor, const std::string& wanted_by);

    Limits limits_;
    bool is_kept_ = false;
    std::string path_;                   ///< as it was given
    std::string name_;                   ///< for messages
    Fd file_;                            ///< of an archive
    Fd directory_;                       ///< of a layout
    std::map<std::string, Blob> files_;  ///< of an archive
    std::vector<Fd> opened_;             ///< of a layout
};

}  // namespace minirun
