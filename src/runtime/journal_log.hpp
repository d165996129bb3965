// What a container writes, in the host's journal: systemd-journald's native protocol, a datagram an entry.
#pragma once

#include <deque>
#include <string>

#include "base/fd.hpp"
#include "runtime/container_facts.hpp"
#include "runtime/container_log.hpp"

namespace minirun {

/// A journal that does not keep up is not waited for: so many bytes wait for it, and what is more is lost, and counted.
class JournalLog : public ContainerLog, private SupervisedService {
public:
    /// Throws Error{unsupported} if this host has no journal.
    explicit JournalLog(const ContainerFacts& facts);

    SupervisedService* service() override { return this; }

protected:
    void add_line(int stream, std::string_view line, Time time) override;
    void flush() override;
    void close() override;

private:
    void watch(std::vector<pollfd>& list) const override;
    void serve(std::span<const pollfd> events) override;
    void tell_lost();
    void add(std::string_view message, int priority, bool is_part);

    std::string fields_;  // that are the same in all entries
    Fd socket_;
    std::deque<std::string> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t lost_ = 0;  // lines since the last that was not
};

}  // namespace minirun
