// Bytes from one thread to another.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "archive/byte_source.hpp"

namespace minirun {

/// Thrown to who reads: no more comes, and that was not the end. No Error: who adds knows what there is to say.
struct CutOff {};

/// Who reads gets what another thread adds, in the same order; no more than `most` bytes are on the way.
class BlockQueue : public ByteSource {
public:
    explicit BlockQueue(std::size_t most) : ring_(most) {}

    /// Waits until there is room for all of it, or nobody wants it any more.
    void add(Bytes bytes);
    /// Nothing is added any more. If it is not `whole`, next() throws CutOff.
    void end(bool whole);

    Bytes next() override;
    /// Nothing is read any more.
    void abandon();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<unsigned char> ring_;
    std::size_t begin_ = 0, end_ = 0;  ///< what is in the ring, counted from the first byte ever
    std::size_t given_ = 0;            ///< from begin_ on: in the hands of the reader
    bool ended_ = false, whole_ = true, abandoned_ = false;
};

}  // namespace minirun
