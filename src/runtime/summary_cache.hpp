// What was last seen of containers: one file, of no account when it is damaged, of another form, or gone.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "minirun/containers.hpp"

namespace minirun {

/// What of a directory is another one when an entry of it was made, replaced or removed.
struct DirectoryLooks {
    explicit DirectoryLooks(const struct stat& info);
    DirectoryLooks() = default;
    bool operator==(const DirectoryLooks&) const = default;
    std::uint64_t inode = 0;
    std::int64_t changed = 0;  ///< nanoseconds since 1970
};

class SummaryCache {
public:
    /// Empty if there is none that is of use.
    explicit SummaryCache(std::string path);
    SummaryCache(const SummaryCache&) = delete;
    SummaryCache& operator=(const SummaryCache&) = delete;

    /// Into a summary that is empty: what was added when the container's directory looked like that. Whether there is
    /// any; if not, the summary is of no use.
    bool find(std::string_view id, const DirectoryLooks& looks, ContainerSummary& summary);
    void add(const ContainerSummary& summary, const DirectoryLooks& looks);
    /// Writes all that was found or added, if anything was added. What cannot be written is lost.
    void write() const noexcept;
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        DirectoryLooks looks;
        std::string_view whole;  ///< of text_: what the file has of it
        std::string_view summary;
        bool found = false;
    };
    bool read_entries();

    std::string path_, text_, added_;
    std::unordered_map<std::string_view, Entry> entries_;
};

}  // namespace minirun
