#include "archive/block_queue.hpp"

#include <algorithm>

namespace minirun {

void BlockQueue::add(Bytes bytes) {
    while (!bytes.empty()) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return end_ - begin_ < ring_.size() || abandoned_; });
        if (abandoned_) return;
        const auto at = end_ % ring_.size();
        const auto room = std::min<std::size_t>(ring_.size() - at, ring_.size() - (end_ - begin_));
        const auto some = bytes.first(std::min(bytes.size(), room));
        // The reader does not look there before it is told.
        lock.unlock();
        std::copy(some.begin(), some.end(), ring_.begin() + static_cast<std::ptrdiff_t>(at));
        lock.lock();
        end_ += some.size();
        changed_.notify_all();
        bytes = bytes.subspan(some.size());
    }
}

void BlockQueue::end(bool whole) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    whole_ = whole;
    changed_.notify_all();
}

Bytes BlockQueue::next() {
    constexpr std::size_t largest = 256 * 1024;
    std::unique_lock lock(mutex_);
    begin_ += given_;
    given_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return begin_ != end_ || ended_; });
    if (!whole_) throw CutOff{};
    const auto at = begin_ % ring_.size();
    given_ = std::min({largest, ring_.size() - at, end_ - begin_});
    return {ring_.data() + at, given_};
}

void BlockQueue::abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
}

}  // namespace minirun
