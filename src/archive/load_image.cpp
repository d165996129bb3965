#include "archive/load_image.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "archive/image_archive.hpp"
#include "archive/layer_streams.hpp"
#include "archive/settle_layer.hpp"
#include "archive/sha256.hpp"
#include "archive/store_writer.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "image/bundle_layers.hpp"
#include "image/reference.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"
#include "model/launch_request.hpp"

namespace minirun {
namespace {

// Image specification, config.md "Layer ChainID".
std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
    std::vector<std::string> chain;
    for (const auto& diff_id : diff_ids)
        chain.push_back(chain.empty() ? diff_id : sha256_digest(cat(chain.back(), ' ', diff_id)));
    return chain;
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

// What is written there may be no name at all: the image is loaded without it.
std::optional<Reference> reference_of(const std::string& name) {
    try {
        return parse_reference(name);
    } catch (const Error&) {
        return std::nullopt;
    }
}

// One layer of the archive that the store does not have.
struct LayerJob {
    std::string diff_id;
    Blob blob;
    DraftLayer draft;
    std::string place;  ///< where the draft was put when it was settled for an image
};

// Each takes a few MiB of memory; many of them only wait for the disk.
unsigned thread_count(const LoadOptions& options) {
    constexpr unsigned most = 8;
    return options.threads != 0 ? options.threads : std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

class Loader {
public:
    Loader(const ImageStore& store, const std::string& path, const LoadOptions& options, LoadProgress* progress)
        : store_(store),
          options_(options),
          progress_(progress),
          writer_(store),
          streams_(writer_, options.limits, thread_count(options), progress),
          archive_(path, writer_.scratch(), options.limits, streams_) {}

    std::vector<LoadedImage> run() {
        for (const auto& archived : archive_.images(options_.platform.value_or(host_platform()))) {
            images_.push_back(read(archived));
            for (std::size_t i = 0; i < images_.back().layer_count(); i++) want(images_.back(), archived.layers[i], i);
        }
        unpack_all();
        streams_.drop_others();
        if (options_.dedup && !jobs_.empty()) writer_.share_blocks();
        std::vector<LoadedImage> loaded;
        for (const auto& image : images_) loaded.push_back(publish(image));
        return loaded;
    }

private:
    struct Pending {
        std::string id, config, created;
        std::vector<std::string> names, manifests, diff_ids, chain;
        std::size_t layer_count() const { return diff_ids.size(); }
    };

    Pending read(const ArchivedImage& archived) {
        Pending image;
        image.config = archive_.read(archived.config);
        image.id = hex_of(sha256_digest(image.config));
        const auto document = parse_json(image.config, archived.config.name, options_.limits.depth_of_json());
        Problems problems(archived.config.name);
        const auto parsed = parse_image_config(JsonView(document, problems));
        image.diff_ids = parsed.diff_ids;
        image.created = JsonView(document, problems)["created"].string_or("");
        problems.throw_if_any();
        const Platform its{parsed.os, parsed.architecture, parsed.variant};
        if (options_.platform && !its.fits(*options_.platform))
            throw Error(ErrorKind::unsupported,
                        cat("the image is for ", printable(its.text()), ", not for ", options_.platform->text()),
                        "leave out --platform to load it all the same");
        check_layer_count(archived.layers.size(), image.diff_ids.size(), "the manifest",
                          cat("rootfs.diff_ids of ", archived.config.name));
        if (image.diff_ids.empty())
            throw Error(ErrorKind::bad_input, cat(archived.config.name, ": the image has no layers"));
        check_layer_limit(image.diff_ids.size(), options_.limits);
        image.chain = chain_ids(image.diff_ids);
        image.manifests = archived.manifests;
        for (const auto& name : archived.names) {
            const auto reference = reference_of(name);
            // A digest that is not this image's would be a lie.
            const bool is_true =
                reference && (reference->digest.empty() || contains(image.manifests, reference->digest));
            if (is_true) image.names.push_back(reference->full());
        }
        image.names.insert(image.names.end(), options_.tags.begin(), options_.tags.end());
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
        std::vector<std::jthread> threads;
        for (unsigned i = 1; i < std::min<std::size_t>(thread_count(options_), queue.size()); i++)
            threads.emplace_back(work);
        work();
        threads.clear();
        if (failure) std::rethrow_exception(failure);
    }

    void unpack(LayerJob& job) {
        const auto name = cat("layer ", job.blob.name);
        job.draft = job.blob.stream ? streams_.take(*job.blob.stream) : unpack_from_file(job, name);
        check(name, "digest", job.blob.digest, job.draft.blob_digest);
        check(name, "DiffID", job.diff_id, job.draft.diff_id);
    }

    DraftLayer unpack_from_file(const LayerJob& job, const std::string& name) {
        const auto label = short_layer_name(job.diff_id);
        if (progress_ != nullptr) progress_->begin(label, job.blob.size);
        FileSource file(job.blob.fd, job.blob.offset, job.blob.size, name);
        const auto tell = [&](std::uint64_t bytes) {
            if (progress_ != nullptr) progress_->advance(label, bytes);
        };
        auto draft = writer_.unpack_blob(file, name, options_.limits, !job.blob.digest.empty(), tell);
        if (progress_ != nullptr) progress_->end(label, "");
        return draft;
    }

    static void check(const std::string& name, std::string_view what, const std::string& said,
                      const std::string& found) {
        if (!said.empty() && said != found)
            throw Error(ErrorKind::bad_input, cat(name, ": its ", what, " is ", found, ", not ", said),
                        "the archive is damaged or was changed: save it again");
    }

    // From the lowest layer up, then the image, then its names.
    LoadedImage publish(const Pending& image) {
        std::vector<Layer> below;
        std::vector<std::string> keys;
        std::map<std::string, DraftLayer> drafts;  // by key, of layers that have no place in the store yet
        for (std::size_t i = 0; i < image.layer_count(); i++) {
            auto key = stored_key(image, i);
            if (key.empty()) key = settle(image, i, below, drafts);
            keys.push_back(key);
            const auto draft = drafts.find(key);
            const auto place = draft == drafts.end() ? store_.layer_directory(key) : draft->second.directory;
            below.push_back({key, place + "/tree"});
        }
        if (!drafts.empty()) writer_.sync();
        LoadedImage loaded{image.id, image.names, image.layer_count(), drafts.size()};
        for (const auto& key : keys)
            if (const auto draft = drafts.find(key); draft != drafts.end()) {
                publish_layer(draft->second, key);
                drafts.erase(draft);
            }
        writer_.publish_image({image.config, image.id, image.created, image.diff_ids, keys});
        for (const auto& name : image.names) store_.set_tag(name, image.id);
        store_.set_digests(image.names, image.manifests, image.id);
        return loaded;
    }

    // Makes one layer whole on top of those below it, and tells its key.
    std::string settle(const Pending& image, std::size_t i, const std::vector<Layer>& below,
                       std::map<std::string, DraftLayer>& drafts) {
        auto& job = jobs_.at(image.diff_ids[i]);
        const bool needs_others = job.draft.needs_others();
        auto key = needs_others ? chain_key(image.chain[i]) : own_key(job.diff_id);
        if (drafts.contains(key)) return key;  // an image can have a layer twice
        if (needs_others) {
            // Settled for one image, it cannot be settled for another one of the same archive.
            if (!job.place.empty()) job.draft = writer_.unpack_again(job.place, cat("layer ", job.blob.name));
            job.place = job.draft.directory;
            settle_layer(job.draft.unpacked, job.draft.directory + "/tree", below, cat("layer ", job.blob.name));
        }
        drafts.emplace(key, job.draft);
        return key;
    }

    void publish_layer(const DraftLayer& draft, const std::string& key) {
        const auto shared = writer_.publish_layer(draft, key);
        jobs_.at(draft.diff_id).place = store_.layer_directory(key);
        if (shared.files > 0 && progress_ != nullptr)
            progress_->end(short_layer_name(draft.diff_id), cat("shares ", shared.text(), " with other layers"));
    }

    const ImageStore& store_;
    const LoadOptions& options_;
    LoadProgress* progress_;
    StoreWriter writer_;
    LayerStreams streams_;
    ImageArchive archive_;
    std::vector<Pending> images_;
    std::map<std::string, LayerJob> jobs_;  ///< by DiffID
    std::mutex mutex_;
};

}  // namespace

void check_layer_limit(std::size_t layers, const Limits& limits) {
    if (layers > limits.layers)
        throw Error(ErrorKind::unsupported, cat("the image has ", layers, " layers, more than ", limits.layers),
                    limits.layers < max_layers ? "--max-layers raises the limit" : "overlayfs takes no more");
}

std::vector<LoadedImage> load_images(const ImageStore& store, const std::string& path, const LoadOptions& options,
                                     LoadProgress* progress) {
    return Loader(store, path, options, progress).run();
}

}  // namespace minirun
