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
    /// What the file has of a container; its texts are there as long as the cache.
    struct Entry {
        std::string_view id;
        DirectoryLooks looks;
        bool at_rest = false;      ///< nobody has to live for it
        std::string_view created;  ///< RFC 3339; or empty
        std::string_view summary;
        std::string_view whole;
        bool found = false;
    };

    /// Empty if there is none that is of use.
    explicit SummaryCache(std::string path);
    SummaryCache(const SummaryCache&) = delete;
    SummaryCache& operator=(const SummaryCache&) = delete;

    /// What was added when the container's directory looked like that; null if nothing was.
    const Entry* find(std::string_view id, const DirectoryLooks& looks);
    /// All of it, but for what read_summary_text() leaves alone. False if it is damaged: then it is forgotten, and the
    /// summary of no use.
    bool read(const Entry& entry, ContainerSummary& summary);
    void add(const ContainerSummary& summary, const DirectoryLooks& looks);
    /// Writes all that was found or added, if anything was added. What cannot be written is lost.
    void write() const noexcept;
    std::size_t size() const { return entries_.size(); }

private:
    // Ids are random digits: their beginning is as good a hash as any.
    struct Hash {
        std::size_t operator()(std::string_view id) const noexcept;
    };
    bool read_entries();

    std::string path_, text_, added_;
    std::unordered_map<std::string_view, Entry, Hash> entries_;
};

}  // namespace minirun
