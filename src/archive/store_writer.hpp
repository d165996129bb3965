// Where what is new in the store is made, and how it gets its place there.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/block_sharing.hpp"
#include "archive/byte_source.hpp"
#include "archive/unpack_layer.hpp"
#include "base/fd.hpp"
#include "image/staging.hpp"
#include "image/store.hpp"

namespace minirun {

/// A layer that is unpacked and has no place in the store yet.
struct DraftLayer {
    std::string directory;  ///< with tree/ and tar-record, in the staging place
    std::string diff_id;
    /// Of what it was unpacked from, compressed or not; empty if nobody asked.
    std::string blob_digest;
    UnpackedLayer unpacked;
    std::uint64_t archive_size = 0;

    /// Whether it cannot be whole without the layers below.
    bool needs_others() const { return !unpacked.implied_directories.empty() || !unpacked.links_below.empty(); }
};

/// The key of a layer in the store: one that needs nothing of those below is the same under all images, another one
/// only on top of these.
std::string own_key(const std::string& diff_id);
std::string chain_key(const std::string& chain_id);

class StoreWriter {
public:
    /// Layers that are in the store now stay there as long as it lives (remove_unused_layers()).
    explicit StoreWriter(const ImageStore& store);

    const ImageStore& store() const { return store_; }
    /// For files on the way.
    const std::string& scratch() const { return staging_.path(); }

    /// Unpacks an archive, not compressed, in one pass. May be called by several threads at once. Throws Error, and
    /// what is half unpacked then is gone.
    DraftLayer unpack(ByteSource& archive, const std::string& name, const Limits& limits);
    /// The same of a blob, which may be compressed: read, hashed, decompressed, hashed, unpacked. `tell` gets the bytes
    /// of it that have been read so far.
    DraftLayer unpack_blob(ByteSource& blob, const std::string& name, const Limits& limits, bool with_digest,
                           const std::function<void(std::uint64_t)>& tell);
    /// The same of the archive that a layer in `directory`, of the store or of a draft, came from.
    DraftLayer unpack_again(const std::string& directory, const std::string& name);
    /// A draft that has no place in the store goes.
    static void drop(const DraftLayer& layer);

    /// To be called between the last unpack() and the first publish_layer(): what is renamed is on the disk by then, so
    /// that the power can fail at any moment, too.
    void sync();

    /// From now on files of layers that appear share their blocks with those of layers that are there.
    void share_blocks();

    /// What it shares with other layers, if that was asked for.
    Shared publish_layer(const DraftLayer& layer, const std::string& key);

    /// A layer that is in the store can come as the blob that this draft came as, too.
    void note_blob(const DraftLayer& layer, const std::string& key);

    struct NewImage {
        std::string config;                 ///< as it came
        std::string id;                     ///< its digest, 64 hex digits
        std::string created;                ///< RFC 3339, or empty
        std::vector<std::string> diff_ids;  ///< lowest first
        std::vector<std::string> keys;      ///< of the layers, which are in the store
    };
    /// Of an image that is there, the config is looked at, and written anew if it is damaged.
    void publish_image(const NewImage& image);

private:
    bool has_whole_config(const NewImage& image);

    const ImageStore& store_;
    Staging staging_;
    Fd layers_lock_;
    std::atomic<unsigned> drafts_ = 0;
    std::optional<BlockSharing> sharing_;
};

}  // namespace minirun
