// Where the output of a container goes, line by line.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "launch/supervise.hpp"

namespace minirun {

class StoredContainer;

/// As with Docker: a longer line is several entries, of which only the last has an end of line. Bytes.
inline constexpr std::size_t longest_log_entry = 16384;

class ContainerLog {
public:
    /// Where the container's setting says; null if nowhere. Throws Error.
    static std::unique_ptr<ContainerLog> of(const StoredContainer& container);
    ContainerLog() = default;
    ContainerLog(const ContainerLog&) = delete;
    ContainerLog& operator=(const ContainerLog&) = delete;
    virtual ~ContainerLog() = default;

    /// What was written to stream 1 or 2. Never throws: what cannot be kept is lost.
    void write(int stream, std::string_view bytes) noexcept;
    /// Nothing more comes: also what has no end of line is written.
    void finish() noexcept;
    /// What has to be looked after meanwhile, or null.
    virtual SupervisedService* service() { return nullptr; }

protected:
    using Time = std::chrono::system_clock::time_point;
    /// With its end of line, if it has one.
    virtual void add_line(int stream, std::string_view line, Time time) = 0;
    /// Behind the last line that there is now.
    virtual void flush() = 0;
    /// Behind the last line at all.
    virtual void close() {}

private:
    std::string begun_[2];  // of each stream, a line that has no end yet
};

}  // namespace minirun
