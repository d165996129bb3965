// An archive or directory with images in it: what Docker, Podman, skopeo, umoci and buildah write.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/byte_source.hpp"
#include "archive/layer_streams.hpp"
#include "archive/tar_reader.hpp"
#include "base/fd.hpp"
#include "image/platform.hpp"

namespace minirun {

/// A file of the archive, or a part of it.
struct Blob {
    int fd = -1;  ///< the archive's; not owned
    std::uint64_t offset = 0, size = 0;
    std::optional<std::size_t> stream;  ///< what LayerStreams::take() has it by; then it is in no file
    std::string name;                   ///< what messages call it
    std::string digest;                 ///< what it is said to have, "sha256:…"; empty: nothing is said
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
    /// `path` is a directory or a file; "-" is standard input. Of what cannot be read at any place (a pipe, a
    /// compressed archive) all that looks like a layer goes to `streams`, the rest to an unnamed file in `scratch`.
    /// Throws Error.
    ImageArchive(const std::string& path, const std::string& scratch, const Limits& limits, LayerStreams& streams);

    /// The images in it: all of a docker-archive; of an OCI index those for the platform.
    /// Throws Error{bad_input}; {unsupported} if an index has none for that platform, naming those that it has.
    std::vector<ArchivedImage> images(const Platform& platform);

    /// The whole text of a small file, its digest checked.
    std::string read(const Blob& blob) const;

private:
    struct Manifest;
    /// `streams` is null of a file that can be read at any place.
    void index_tar(ByteSource& source, LayerStreams* streams);
    void pass_on(TarReader& tar, const std::string& name, Blob& file, LayerStreams& streams);
    void keep(Bytes bytes);
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
    std::string path_;                   ///< as it was given
    std::string name_;                   ///< for messages
    Fd file_;                            ///< of an archive, or for what of it is kept
    std::uint64_t kept_ = 0;             ///< bytes in that
    Fd directory_;                       ///< of a layout
    std::map<std::string, Blob> files_;  ///< of an archive
    std::vector<Fd> opened_;             ///< of a layout
};

}  // namespace minirun
