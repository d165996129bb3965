// Layers of an archive that can be read only once, unpacked while it comes.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/block_queue.hpp"
#include "archive/load_progress.hpp"
#include "archive/store_writer.hpp"

namespace minirun {

/// Which files of an archive are the layers of an image stands in documents that may come behind them. So whatever
/// looks like a layer is unpacked, and what goes wrong with it is kept until somebody wants it: nobody need.
///
/// One thread reads the archive and hands each such file over; others unpack it, and go on with one while the next one
/// begins.
class LayerStreams {
public:
    /// What looks like the beginning of a layer, and the least bytes that tell: a tar archive or something compressed.
    static bool looks_like_layer(Bytes head);
    static constexpr std::size_t telling = 512;
    /// Smaller ones are no work worth a thread.
    static constexpr std::uint64_t smallest = 64 * 1024;

    /// `threads` at most unpack at once; `progress` may be null.
    LayerStreams(StoreWriter& writer, const Limits& limits, unsigned threads, LoadProgress* progress)
        : writer_(writer), limits_(limits), most_threads_(threads), progress_(progress) {}
    /// What was not ended is not waited for.
    ~LayerStreams();

    /// A file of the archive: its name there, what messages call it, and its size. Waits while all threads are at work.
    /// The number is for take().
    std::size_t begin(const std::string& name, const std::string& called, std::uint64_t size);
    /// Its content, piece by piece, and that this was all. Throws when no layer can be unpacked any more: there is no
    /// space, or the user has interrupted it.
    void add(Bytes bytes);
    void end();

    /// The layer, when it is unpacked. Throws what went wrong with it.
    DraftLayer take(std::size_t number);

    /// When all are taken that will be: the others go.
    void drop_others();

private:
    struct Stream {
        std::string called;  ///< what messages call it
        std::string label;   ///< what the progress calls it
        std::string digest;  ///< that it has by its name; empty: it has none there
        std::string key;     ///< of a layer that the store has already: nothing is unpacked
        std::uint64_t size = 0;
        Limits limits;
        std::shared_ptr<BlockQueue> queue;  ///< the worker's, until it is done
        DraftLayer draft;
        std::exception_ptr failure;
        bool done = false, taken = false;
    };
    std::string stored_key(const std::string& digest);
    void hand_over(Stream* stream);
    void work(Stream* stream);
    void unpack(Stream& stream);
    void note_failure(Stream& stream, bool is_fatal);

    StoreWriter& writer_;
    const Limits& limits_;
    unsigned most_threads_;
    LoadProgress* progress_;
    std::optional<std::map<std::string, std::string>> keys_;  ///< of the layers in the store, by digest
    std::vector<std::unique_ptr<Stream>> streams_;
    std::shared_ptr<BlockQueue> current_;  ///< that is being added to

    std::mutex mutex_;  ///< of what follows, and of what a stream has become
    std::condition_variable changed_;
    Stream* next_ = nullptr;  ///< for the first idle thread
    std::size_t idle_ = 0;
    std::exception_ptr fatal_;
    bool closed_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace minirun
