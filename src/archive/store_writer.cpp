#include "archive/store_writer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "archive/sha256.hpp"
#include "archive/tar_record.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

std::optional<std::string> read_config(const std::string& path) try {
    return read_optional_file(path, largest_config);
} catch (const Error&) {
    return std::nullopt;
}

void write_facts(const DraftLayer& layer, const std::string& directory) {
    Json facts{{"diffID", layer.diff_id}, {"archiveSize", layer.archive_size}, {"size", layer.unpacked.bytes}};
    if (!layer.blob_digest.empty() && layer.blob_digest != layer.diff_id) facts["blob"] = layer.blob_digest;
    write_file_atomically(directory + "/layer.json", facts.dump() + "\n", 0600);
}

void make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) < 0) throw system_error(cat("cannot make the directory ", quote(path)), errno);
    // Whatever the umask is, and whatever the directory above has for its heirs.
    for (const char* acl : {"system.posix_acl_default", "system.posix_acl_access"}) ::removexattr(path.c_str(), acl);
    if (::chmod(path.c_str(), mode) < 0) throw system_error(cat("cannot make the directory ", quote(path)), errno);
}

}  // namespace

std::string own_key(const std::string& diff_id) { return "sha256-" + hex_of(diff_id); }
std::string chain_key(const std::string& chain_id) { return "chain-" + hex_of(chain_id); }

StoreWriter::StoreWriter(const ImageStore& store)
    : store_(store), staging_(store), layers_lock_(::open(store.layers().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!layers_lock_ || ::flock(layers_lock_.get(), LOCK_SH) < 0)
        throw system_error(cat("cannot lock ", quote(store.layers())), errno);
}

DraftLayer StoreWriter::unpack(ByteSource& archive, const std::string& name, const Limits& limits) {
    DraftLayer layer;
    layer.directory = cat(staging_.path(), '/', drafts_++);
    const auto tree_path = layer.directory + "/tree";
    make_directory(layer.directory, 0700);
    make_directory(tree_path, 0755);
    const Fd tree(::open(tree_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    try {
        HashedSource hashed(archive);
        TarRecorder recorder(hashed, layer.directory, limits.bytes);
        TarReader tar(recorder, name);
        layer.unpacked = unpack_layer(tar, tree, name, limits, &recorder);
        tar.finish();
        recorder.finish();
        layer.diff_id = hashed.digest();
        layer.archive_size = hashed.size();
    } catch (...) {
        drop(layer);
        throw;
    }
    return layer;
}

DraftLayer StoreWriter::unpack_blob(ByteSource& blob, const std::string& name, const Limits& limits, bool with_digest,
                                    const std::function<void(std::uint64_t)>& tell) {
    PeekedSource peeked(blob);
    // What is not compressed has its DiffID for a digest: hashing is half of the work then, and once is enough.
    const bool compressed = is_compressed(peeked.first());
    HashedSource packed(peeked, with_digest && compressed);
    const auto plain = decompressed(packed, name);
    const auto count = [&] {
        if (tell) tell(packed.size());
        return packed.size();
    };
    GrowthLimit limited(*plain, count, limits.growth, name);
    auto layer = unpack(limited, name, limits);
    while (!packed.next().empty()) continue;
    layer.blob_digest = compressed ? packed.digest() : layer.diff_id;
    return layer;
}

DraftLayer StoreWriter::unpack_again(const std::string& directory, const std::string& name) {
    TarReplay replay(directory, name, [&](const std::string& path, const std::string& how) {
        throw Error(ErrorKind::bad_input, cat(name, ": the file ", quote(path), " of the store ", how),
                    "the store was changed: minirun image verify tells what; remove the image and load it again");
    });
    return unpack(replay, name, Limits::none());
}

void StoreWriter::drop(const DraftLayer& layer) { remove_tree(layer.directory); }

void StoreWriter::share_blocks() {
    sharing_.emplace(store_, staging_.path());
    for (const auto& key : store_.all_layers()) sharing_->add(key);
}

Shared StoreWriter::publish_layer(const DraftLayer& layer, const std::string& key) {
    write_facts(layer, layer.directory);
    Shared shared;
    if (sharing_) shared = sharing_->share(sharing_->plan(layer.directory), layer.directory + "/tree");
    Staging::publish(layer.directory, store_.layer_directory(key));
    if (sharing_) sharing_->add(key);
    return shared;
}

void StoreWriter::note_blob(const DraftLayer& layer, const std::string& key) {
    if (!layer.blob_digest.empty() && layer.blob_digest != layer.diff_id)
        write_facts(layer, store_.layer_directory(key));
}

void StoreWriter::publish_image(const NewImage& image) {
    if (store_.has_image(image.id) && has_whole_config(image)) return;
    const auto directory = cat(staging_.path(), "/image-", image.id);
    make_directory(directory, 0700);
    make_directory(directory + "/layers", 0700);
    write_file_atomically(directory + "/config.json", image.config, 0600);
    std::uint64_t size = 0;
    for (const auto& key : image.keys) size += layer_size(store_, key);
    write_image_facts(directory, size, image.created);
    for (std::size_t i = 0; i < image.keys.size(); i++) {
        const auto link = cat(directory, "/layers/", own_key(image.diff_ids[i]));
        const auto target = cat("../../../layers/", image.keys[i], "/tree");
        if (::symlink(target.c_str(), link.c_str()) < 0 && errno != EEXIST)
            throw system_error(cat("cannot make ", quote(link)), errno);
    }
    Staging::publish(directory, store_.image_directory(image.id));
}

bool StoreWriter::has_whole_config(const NewImage& image) {
    const auto path = store_.image_directory(image.id) + "/config.json";
    if (read_config(path) == image.config) return true;
    // One that is being removed just now cannot be held, and is made anew.
    const auto held = hold_image(store_, image.id);
    if (held) write_file_atomically(path, image.config, 0600);
    return static_cast<bool>(held);
}

void StoreWriter::sync() {
    const Fd place(::open(staging_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!place || ::syncfs(place.get()) < 0) throw system_error("cannot write the layers to the disk", errno);
}

}  // namespace minirun
