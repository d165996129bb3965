#include "archive/layer_streams.hpp"

#include <string_view>

#include "base/text.hpp"
#include "image/stored_image.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::size_t most_on_the_way = 2 << 20;

}  // namespace

bool LayerStreams::looks_like_layer(Bytes head) {
    constexpr std::size_t magic_at = 257;
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    return is_compressed(head) || (text.size() >= telling && text.substr(magic_at).starts_with("ustar"));
}

LayerStreams::~LayerStreams() {
    const std::lock_guard lock(mutex_);
    for (const auto& stream : streams_)
        if (stream->queue) stream->queue->end(false);
    closed_ = true;
    changed_.notify_all();
}

// Of the layer in the store that has this digest, or came as a blob that had it; empty if there is none.
std::string LayerStreams::stored_key(const std::string& digest) {
    if (!keys_) keys_ = layers_by_digest(writer_.store());
    const auto found = keys_->find(digest);
    return found == keys_->end() ? "" : found->second;
}

std::size_t LayerStreams::begin(const std::string& name, const std::string& called, std::uint64_t size) {
    if (streams_.size() >= limits_.layers)
        throw Error(ErrorKind::bad_input,
                    cat("the archive has more than ", limits_.layers, " files that look like layers"),
                    "--max-layers raises the limit");
    auto stream = std::make_unique<Stream>();
    // Nobody has named any of them yet: what all may grow to without being asked about is not so much for each.
    stream->limits = limits_;
    stream->limits.growth.harmless /= streams_.size() + 1;
    stream->called = cat("layer ", called);
    stream->label = short_layer_name(name);
    stream->size = size;
    if (const auto hex = hex_in(name); !hex.empty()) stream->digest = cat("sha256:", hex);
    stream->key = stored_key(stream->digest);
    streams_.push_back(std::move(stream));
    if (streams_.back()->key.empty()) hand_over(streams_.back().get());
    return streams_.size() - 1;
}

void LayerStreams::hand_over(Stream* stream) {
    current_ = stream->queue = std::make_shared<BlockQueue>(most_on_the_way);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return next_ == nullptr && (idle_ > 0 || threads_.size() < most_threads_); });
    if (idle_ == 0) {
        threads_.emplace_back([this, stream] { work(stream); });
        return;
    }
    idle_--;
    next_ = stream;
    changed_.notify_all();
}

void LayerStreams::add(Bytes bytes) {
    {
        const std::lock_guard lock(mutex_);
        if (fatal_) std::rethrow_exception(fatal_);
    }
    if (current_) current_->add(bytes);
}

void LayerStreams::end() {
    if (current_) current_->end(true);
    current_.reset();
}

void LayerStreams::work(Stream* stream) {
    while (true) {
        unpack(*stream);
        stream->queue->abandon();
        std::unique_lock lock(mutex_);
        stream->done = true;
        stream->queue.reset();
        idle_++;
        changed_.notify_all();
        changed_.wait(lock, [&] { return next_ != nullptr || closed_; });
        if (next_ == nullptr) return;
        stream = std::exchange(next_, nullptr);
        changed_.notify_all();
    }
}

void LayerStreams::unpack(Stream& stream) try {
    if (progress_ != nullptr) progress_->begin(stream.label, stream.size);
    const auto tell = [&](std::uint64_t bytes) {
        if (progress_ != nullptr) progress_->advance(stream.label, bytes);
    };
    stream.draft = writer_.unpack_blob(*stream.queue, stream.called, stream.limits, !stream.digest.empty(), tell);
    if (progress_ != nullptr) progress_->end(stream.label, "");
} catch (const Error& error) {
    note_failure(stream, error.kind() == ErrorKind::system);
    if (progress_ != nullptr) progress_->end(stream.label, "cannot be unpacked");
} catch (...) {
    note_failure(stream, true);
}

void LayerStreams::note_failure(Stream& stream, bool is_fatal) {
    stream.failure = std::current_exception();
    const std::lock_guard lock(mutex_);
    if (is_fatal && !fatal_) fatal_ = stream.failure;
}

DraftLayer LayerStreams::take(std::size_t number) {
    auto& stream = *streams_[number];
    if (!stream.key.empty()) {
        auto draft = writer_.unpack_again(writer_.store().layer_directory(stream.key), stream.called);
        draft.blob_digest = stream.digest;
        return draft;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stream.done; });
    stream.taken = true;
    if (stream.failure) std::rethrow_exception(stream.failure);
    return stream.draft;
}

void LayerStreams::drop_others() {
    for (const auto& stream : streams_) {
        if (stream->taken || !stream->key.empty()) continue;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stream->done; });
        }
        if (stream->failure) continue;
        if (const auto key = stored_key(stream->draft.diff_id); !key.empty()) writer_.note_blob(stream->draft, key);
        StoreWriter::drop(stream->draft);
    }
}

}  // namespace minirun
