// The listener of a filter that asks where it would deny (security/denial_filter): counts, and denies.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "minirun/findings.hpp"

namespace minirun {

/// Answers every question with what the original filter would have said, so nothing is let through that was not before.
///
/// A process that asks sleeps until it is answered, or killed: whoever waits for something that a container does has to
/// watch fd(), too. When this one is gone, calls that nobody answers any more are ENOSYS.
class DenialCounter {
public:
    /// `filter` is the original one, and lives longer than this.
    DenialCounter(Fd listener, std::span<const sock_filter> filter);

    /// To be polled for POLLIN; -1 when nobody can ask any more.
    int fd() const noexcept { return listener_.get(); }
    /// Answers some of those who ask, and never waits: a container that does nothing but ask gets no more than its
    /// turn.
    void serve();

    /// What has been answered so far.
    DeniedCalls counts() const;

private:
    bool answer_one();
    void count(std::uint32_t architecture, int number);

    Fd listener_;
    std::span<const sock_filter> filter_;
    std::vector<std::uint64_t> question_, answer_;  // as long as this kernel has them, in words
    std::vector<std::uint64_t> native_, compat_;    // by number: no container can make them grow
    std::uint64_t unknown_ = 0;
};

}  // namespace minirun
