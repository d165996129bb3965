#include "runtime/summary_cache.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/file.hpp"
#include "base/heap.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "runtime/summary_text.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_file = std::size_t{64} << 20;

// A line at the beginning: this, and the hash of all behind it. Another version of minirun may have other fields, or
// another hash.
constexpr std::string_view form = "minirun containers 2 ";

std::string heading_of(std::string_view entries) { return cat(form, std::hash<std::string_view>()(entries), '\n'); }

// An entry is a line "ID INODE CHANGED AT-REST CREATED LENGTH", and so many bytes.
std::string entry_text(const ContainerSummary& summary, const DirectoryLooks& looks) {
    const auto text = summary_text(summary);
    return cat(summary.id, ' ', looks.inode, ' ', looks.changed, ' ', is_at_rest(summary.phase) ? 1 : 0, ' ',
               summary.created, ' ', text.size(), '\n', text);
}

// What stands before the separator, which goes with it.
std::string_view take(std::string_view& rest, char separator) {
    const auto end = rest.find(separator);
    const auto word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return word;
}

}  // namespace

DirectoryLooks::DirectoryLooks(const struct stat& info)
    : inode(info.st_ino), changed(std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec) {}

SummaryCache::SummaryCache(std::string path) : path_(std::move(path)) {
    // The file, and what is made of it: measured.
    constexpr std::size_t times = 3;
    struct stat info {};
    if (::stat(path_.c_str(), &info) == 0) reserve_heap(times * static_cast<std::size_t>(info.st_size));
    try {
        text_ = read_optional_file(path_, max_file).value_or("");
    } catch (const Error&) {
        // Whatever is there: it is replaced.
    }
    if (!read_entries()) entries_.clear();
}

std::size_t SummaryCache::Hash::operator()(std::string_view id) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, id.data(), std::min(id.size(), sizeof hash));
    return hash;
}

bool SummaryCache::read_entries() {
    std::string_view rest = text_;
    const auto heading = take(rest, '\n');
    if (cat(heading, '\n') != heading_of(rest)) return false;
    while (!rest.empty()) {
        const auto begin = rest;
        const auto id = take(rest, ' ');
        const auto inode = parse_number<std::uint64_t>(take(rest, ' '));
        const auto changed = parse_number<std::int64_t>(take(rest, ' '));
        const auto at_rest = take(rest, ' ');
        const auto created = take(rest, ' ');
        const auto length = parse_number<std::size_t>(take(rest, '\n'));
        if (!inode || !changed || !length || *length > rest.size()) return false;
        Entry entry;
        entry.id = id;
        entry.at_rest = at_rest == "1";
        entry.created = created;
        entry.looks.inode = *inode;
        entry.looks.changed = *changed;
        entry.summary = rest.substr(0, *length);
        rest.remove_prefix(*length);
        entry.whole = begin.substr(0, begin.size() - rest.size());
        entries_.emplace(id, entry);
    }
    return true;
}

const SummaryCache::Entry* SummaryCache::find(std::string_view id, const DirectoryLooks& looks) {
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.looks != looks) return nullptr;
    at->second.found = true;
    return &at->second;
}

bool SummaryCache::read(const Entry& entry, ContainerSummary& summary) {
    if (read_summary_text(entry.summary, summary) && summary.id == entry.id) return true;
    entries_.at(entry.id).found = false;
    return false;
}

void SummaryCache::add(const ContainerSummary& summary, const DirectoryLooks& looks) {
    added_ += entry_text(summary, looks);
}

void SummaryCache::write() const noexcept try {
    if (added_.empty()) return;
    auto entries = added_;
    for (const auto& [id, entry] : entries_)
        if (entry.found) entries += entry.whole;
    replace_file(path_, heading_of(entries) + entries, 0600);
} catch (...) {
    // Who lists sees what there is all the same.
}

}  // namespace minirun
