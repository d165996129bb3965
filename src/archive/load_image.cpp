#include "archive/load_image.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "archive/image_archive.hpp"
#include "archive/settle_layer.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "image/bundle_layers.hpp"
#include "image/reference.hpp"
#include "image/staging.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"
#include "model/launch_request.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_config = 4 << 20;

std::string hex_of(std::string_view digest) { return std::string(digest.substr(digest.find(':') + 1)); }

// Image specification, config.md "Layer ChainID".
std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
    std::vector<std::string> chain;
    for (const auto& diff_id : diff_ids)
        chain.push_back(chain.empty() ? diff_id : sha256_digest(cat(chain.back(), ' ', diff_id)));
    return chain;
}

// What is written there may be no name at all: the image is loaded without it.
std::string full_name(const std::string& name) {
    try {
        return parse_reference(name).full();
    } catch (const Error&) {
        return "";
    }
}

// A layer that needs nothing of those below is the same under all images; another one only on top of these.
std::string own_key(const std::string& diff_id) { return "sha256-" + hex_of(diff_id); }
std::string chain_key(const std::string& chain_id) { return "chain-" + hex_of(chain_id); }

// One layer of the archive that the store does not have.
struct LayerJob {
    std::string diff_id;
    Blob blob;
    std::string directory;  ///< in the staging place
    UnpackedLayer unpacked;
    std::uint64_t archive_size = 0;
};

class Loader {
public:
    Loader(const ImageStore& store, const std::string& path, const LoadOptions& options, const LayerProgress& progress)
        : store_(store),
          options_(options),
          progress_(progress),
          staging_(store),
          // What it finds in the store stays there until its image is there: remove_unused_layers().
          layers_lock_(::open(store.layers().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
          archive_(path, staging_.path()) {
        if (!layers_lock_ || ::flock(layers_lock_.get(), LOCK_SH) < 0)
            throw system_error(cat("cannot lock ", quote(store.layers())), errno);
    }

    std::vector<LoadedImage> run() {
        for (const auto& archived : archive_.images(options_.platform)) {
            images_.push_back(read(archived));
            for (std::size_t i = 0; i < images_.back().layer_count(); i++) want(images_.back(), archived.layers[i], i);
        }
        unpack_all();
        std::vector<LoadedImage> loaded;
        for (const auto& image : images_) loaded.push_back(publish(image));
        return loaded;
    }

private:
    struct Pending {
        std::string id, config, created;
        std::vector<std::string> names, diff_ids, chain;
        std::size_t layer_count() const { return diff_ids.size(); }
    };

    Pending read(const ArchivedImage& archived) {
        Pending image;
        image.config = archive_.read(archived.config, max_config);
        image.id = hex_of(sha256_digest(image.config));
        const auto document = parse_json(image.config, archived.config.name);
        Problems problems(archived.config.name);
        image.diff_ids = parse_image_config(JsonView(document, problems)).diff_ids;
        image.created = JsonView(document, problems)["created"].string_or("");
        problems.throw_if_any();
        check_layer_count(archived.layers.size(), image.diff_ids.size(), "the manifest",
                          cat("rootfs.diff_ids of ", archived.config.name));
        if (image.diff_ids.empty())
            throw Error(ErrorKind::bad_input, cat(archived.config.name, ": the image has no layers"));
        if (image.diff_ids.size() > max_layers)
            throw Error(ErrorKind::unsupported,
                        cat("the image has ", image.diff_ids.size(), " layers, overlayfs takes at most ", max_layers));
        image.chain = chain_ids(image.diff_ids);
        for (const auto& name : archived.names)
            if (const auto full = full_name(name); !full.empty()) image.names.push_back(full);
        return image;
    }

    // Where the store has this layer of the image; empty if it does not.
    std::string stored_key(const Pending& image, std::size_t i) const {
        for (const auto& key : {own_key(image.diff_ids[i]), chain_key(image.chain[i])})
            if (store_.has_layer(key)) return key;
        return "";
    }

    void want(const Pending& image, const Blob& blob, std::size_t i) {
        if (!stored_key(image, i).empty()) return;
        auto& job = jobs_[image.diff_ids[i]];
        if (!job.diff_id.empty()) return;
        job.diff_id = image.diff_ids[i];
        job.blob = blob;
        job.directory = cat(staging_.path(), '/', jobs_.size());
    }

    void unpack_all() {
        std::vector<LayerJob*> queue;
        for (auto& [diff_id, job] : jobs_) queue.push_back(&job);
        // The largest first, so that it does not run alone in the end.
        std::sort(queue.begin(), queue.end(), [](const auto* a, const auto* b) { return a->blob.size > b->blob.size; });
        std::size_t next = 0;
        std::exception_ptr failure;
        const auto work = [&] {
            while (true) {
                LayerJob* job = nullptr;
                {
                    const std::lock_guard lock(mutex_);
                    if (failure || next == queue.size()) return;
                    job = queue[next++];
                }
                try {
                    unpack(*job);
                } catch (...) {
                    const std::lock_guard lock(mutex_);
                    if (!failure) failure = std::current_exception();
                }
            }
        };
        const auto wanted =
            options_.threads != 0 ? options_.threads : std::max(1u, std::thread::hardware_concurrency());
        std::vector<std::jthread> threads;
        for (unsigned i = 1; i < std::min<std::size_t>(wanted, queue.size()); i++) threads.emplace_back(work);
        work();
        threads.clear();
        if (failure) std::rethrow_exception(failure);
    }

    void tell(const std::string& diff_id, std::string_view what) {
        const std::lock_guard lock(mutex_);
        if (progress_) progress_(diff_id, what);
    }

    // One pass: read, check, decompress, check, unpack.
    void unpack(LayerJob& job) {
        tell(job.diff_id, "unpacking");
        const auto tree_path = job.directory + "/tree";
        if (::mkdir(job.directory.c_str(), 0700) < 0 || ::mkdir(tree_path.c_str(), 0755) < 0 ||
            ::chmod(tree_path.c_str(), 0755) < 0)
            throw system_error(cat("cannot make the directory ", quote(tree_path)), errno);
        const Fd tree(::open(tree_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const auto name = cat("layer ", job.blob.name);
        FileSource file(job.blob.fd, job.blob.offset, job.blob.size, name);
        HashedSource compressed(file);
        const auto plain = decompressed(compressed, name);
        constexpr std::uint64_t harmless = 1 << 30;
        LimitedSource limited(
            *plain, std::max(harmless, job.blob.size * options_.ratio),
            cat(name, " grows to more than ", options_.ratio, " times its size by being decompressed"),
            "--max-ratio raises the limit");
        HashedSource archive(limited);
        TarRecorder recorder(archive, job.directory);
        TarReader tar(recorder, name);
        job.unpacked = unpack_layer(tar, tree, name, options_.limits, &recorder);
        tar.finish();
        recorder.finish();
        while (!compressed.next().empty()) continue;
        check(name, "digest", job.blob.digest, compressed.digest());
        check(name, "DiffID", job.diff_id, archive.digest());
        job.archive_size = archive.size();
        tell(job.diff_id, "done");
    }

    static void check(const std::string& name, std::string_view what, const std::string& said,
                      const std::string& found) {
        if (!said.empty() && said != found)
            throw Error(ErrorKind::bad_input, cat(name, ": its ", what, " is ", found, ", not ", said),
                        "the archive is damaged or was changed: save it again");
    }

    // From the lowest layer up, then the image, then its names.
    LoadedImage publish(const Pending& image) {
        LoadedImage loaded{image.id, image.names, image.layer_count(), 0};
        std::vector<Layer> below;
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < image.layer_count(); i++) {
            auto key = stored_key(image, i);
            if (key.empty()) {
                key = publish_layer(image, i, below);
                loaded.new_layers++;
            }
            keys.push_back(key);
            below.push_back({key, cat(store_.layer_directory(key), "/tree")});
        }
        if (!store_.has_image(image.id)) publish_image(image, keys);
        for (const auto& name : image.names) store_.set_tag(name, image.id);
        return loaded;
    }

    std::string publish_layer(const Pending& image, std::size_t i, const std::vector<Layer>& below) {
        auto& job = jobs_.at(image.diff_ids[i]);
        const bool needs_others = !job.unpacked.implied_directories.empty() || !job.unpacked.links_below.empty();
        // Settled for one image, it cannot be settled for another one of the same archive.
        if (needs_others && settled_.contains(job.diff_id)) {
            job.directory += "again";
            unpack(job);
        }
        if (needs_others) {
            settled_.insert(job.diff_id);
            settle_layer(job.unpacked, job.directory + "/tree", below, cat("layer ", job.blob.name));
        }
        const Json facts{{"diffID", job.diff_id}, {"archiveSize", job.archive_size}, {"size", job.unpacked.bytes}};
        write_file_atomically(job.directory + "/layer.json", facts.dump() + "\n", 0600);
        const auto key = needs_others ? chain_key(image.chain[i]) : own_key(job.diff_id);
        Staging::publish(job.directory, store_.layer_directory(key));
        return key;
    }

    void publish_image(const Pending& image, const std::vector<std::string>& keys) {
        const auto directory = cat(staging_.path(), "/image-", image.id);
        if (::mkdir(directory.c_str(), 0700) < 0 || ::mkdir((directory + "/layers").c_str(), 0700) < 0)
            throw system_error(cat("cannot make the directory ", quote(directory)), errno);
        write_file_atomically(directory + "/config.json", image.config, 0600);
        std::uint64_t size = 0;
        for (const auto& key : keys) size += layer_size(store_, key);
        write_image_facts(directory, size, image.created);
        for (std::size_t i = 0; i < keys.size(); i++) {
            const auto link = cat(directory, "/layers/", own_key(image.diff_ids[i]));
            const auto target = cat("../../../layers/", keys[i], "/tree");
            if (::symlink(target.c_str(), link.c_str()) < 0 && errno != EEXIST)
                throw system_error(cat("cannot make ", quote(link)), errno);
        }
        Staging::publish(directory, store_.image_directory(image.id));
    }

    const ImageStore& store_;
    const LoadOptions& options_;
    const LayerProgress& progress_;
    Staging staging_;
    Fd layers_lock_;
    ImageArchive archive_;
    std::vector<Pending> images_;
    std::map<std::string, LayerJob> jobs_;  ///< by DiffID
    std::set<std::string> settled_;
    std::mutex mutex_;
};

}  // namespace

std::vector<LoadedImage> load_images(const ImageStore& store, const std::string& path, const LoadOptions& options,
                                     const LayerProgress& progress) {
    return Loader(store, path, options, progress).run();
}

}  // namespace minirun
