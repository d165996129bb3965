#include "runtime/observed_containers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>

#include "base/file.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "runtime/stored_container.hpp"
#include "runtime/summary_cache.hpp"
#include "runtime/supervision_mark.hpp"

namespace minirun {
namespace {

// The times of files go in ticks, of 4 ms or on old file systems a second: what changes twice within one looks as it
// did before.
bool looks_otherwise_if_it_changes(const DirectoryLooks& looks) {
    constexpr std::int64_t second = 1'000'000'000;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * second + now.tv_nsec - looks.changed > 2 * second;
}

class Observer {
public:
    explicit Observer(const Paths& paths) : paths_(paths), marks_(paths), cache_(paths.state + "/.containers") {}
    ~Observer() { cache_.write(); }
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    std::size_t expected() const { return cache_.size(); }

    // What is still true of it; null if it has to be looked at.
    const SummaryCache::Entry* remember(const char* id, const DirectoryLooks& looks) {
        const auto* entry = cache_.find(id, looks);
        return entry != nullptr && (entry->at_rest || marks_.has(id)) ? entry : nullptr;
    }

    // Nothing of one that was removed just now, or that is none.
    std::optional<ContainerSummary> look(const std::string& id, const std::optional<DirectoryLooks>& looks) try {
        auto container = StoredContainer::in_directory(paths_, id);
        if (!container) return std::nullopt;
        auto summary = container->observe();
        if (looks && looks_otherwise_if_it_changes(*looks) && stays_as_it_is(summary)) cache_.add(summary, *looks);
        return summary;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;
        return std::nullopt;
    }

    bool read(const SummaryCache::Entry& entry, ContainerSummary& summary) {
        if (!cache_.read(entry, summary)) return false;
        summary.directory.assign(paths_.containers).append("/").append(entry.id);
        summary.log_file = summary.log.kept ? StoredContainer::log_in(summary.directory) : "";
        return true;
    }

private:
    // Whether nothing will change of it that its directory does not show, but for the end of its mark. A link tells of
    // a supervisor that begins, or was killed.
    bool stays_as_it_is(const ContainerSummary& one) {
        if (one.health) return false;
        if (is_at_rest(one.phase)) return read_link(one.directory + "/supervisor").empty();
        return one.phase == ContainerPhase::running && marks_.has(one.id);
    }

    const Paths& paths_;
    SupervisionMarks marks_;
    SummaryCache cache_;
};

// Of hundreds, most are remembered: they are read one after the other, into the same memory.
struct Seen {
    std::string_view created;
    const SummaryCache::Entry* remembered = nullptr;
    const ContainerSummary* looked_at = nullptr;
};

}  // namespace

void observe_each(const Paths& paths, const std::function<bool(const ContainerSummary&)>& see) {
    Observer observer(paths);
    std::deque<ContainerSummary> looked_at;
    std::vector<Seen> all;
    all.reserve(observer.expected() + 1);
    const std::unique_ptr<DIR, int (*)(DIR*)> containers(::opendir(paths.containers.c_str()), ::closedir);
    while (const dirent* entry = containers ? ::readdir(containers.get()) : nullptr) {
        struct stat info {};
        if (entry->d_name[0] == '.' ||
            ::fstatat(::dirfd(containers.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        const DirectoryLooks looks(info);
        if (const auto* known = observer.remember(entry->d_name, looks))
            all.push_back({known->created, known, nullptr});
        else if (auto summary = observer.look(entry->d_name, looks))
            all.push_back({{}, nullptr, &looked_at.emplace_back(std::move(*summary))});
    }
    for (auto& one : all)
        if (one.looked_at != nullptr) one.created = one.looked_at->created;
    std::sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) { return a.created > b.created; });
    ContainerSummary remembered;
    for (const auto& one : all) {
        if (one.looked_at != nullptr || observer.read(*one.remembered, remembered)) {
            if (!see(one.looked_at != nullptr ? *one.looked_at : remembered)) return;
        } else if (const auto again = observer.look(std::string(one.remembered->id), std::nullopt)) {
            if (!see(*again)) return;
        }
    }
}

std::vector<ContainerSummary> observe_all(const Paths& paths) {
    std::vector<ContainerSummary> all;
    observe_each(paths, [&](const ContainerSummary& one) {
        all.push_back(one);
        return true;
    });
    return all;
}

void note_change(const std::string& directory) noexcept {
    (void)::utimensat(AT_FDCWD, directory.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

}  // namespace minirun
