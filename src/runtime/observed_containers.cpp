#include "runtime/observed_containers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/file.hpp"
#include "base/text.hpp"
#include "minirun/error.hpp"
#include "runtime/stored_container.hpp"
#include "runtime/summary_cache.hpp"
#include "runtime/supervision_mark.hpp"

namespace minirun {
namespace {

bool is_over(const ContainerSummary& one) {
    return one.phase == ContainerPhase::created || one.phase == ContainerPhase::exited;
}

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

    // Into a summary that is empty. False of one that was removed just now, or that is none: then it is of no use.
    bool observe(const std::string& id, const DirectoryLooks& looks, ContainerSummary& summary) {
        if (remember(id, looks, summary)) return true;
        auto container = StoredContainer::in_directory(paths_, id);
        if (!container) return false;
        try {
            summary = container->observe();
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            return false;
        }
        if (looks_otherwise_if_it_changes(looks) && stays_as_it_is(summary)) cache_.add(summary, looks);
        return true;
    }
    std::size_t expected() const { return cache_.size(); }

private:
    bool remember(const std::string& id, const DirectoryLooks& looks, ContainerSummary& summary) {
        if (!cache_.find(id, looks, summary) || (!is_over(summary) && !marks_.has(id))) return false;
        summary.directory = cat(paths_.containers, '/', id);
        if (summary.log.kept) summary.log_file = StoredContainer::log_in(summary.directory);
        return true;
    }

    // Whether nothing will change of it that its directory does not show, but for the end of its mark. A link tells of
    // a supervisor that begins, or was killed.
    bool stays_as_it_is(const ContainerSummary& one) {
        if (one.health) return false;
        if (is_over(one)) return read_link(one.directory + "/supervisor").empty();
        return one.phase == ContainerPhase::running && marks_.has(one.id);
    }

    const Paths& paths_;
    SupervisionMarks marks_;
    SummaryCache cache_;
};

// Moving hundreds of them about, as sorting does, takes longer than to read them.
std::vector<ContainerSummary> newest_first(std::vector<ContainerSummary> all) {
    std::vector<ContainerSummary*> order;
    for (auto& one : all) order.push_back(&one);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->created > b->created; });
    std::vector<ContainerSummary> sorted;
    sorted.reserve(all.size());
    for (auto* one : order) sorted.push_back(std::move(*one));
    return sorted;
}

}  // namespace

std::vector<ContainerSummary> observe_all(const Paths& paths) {
    Observer observer(paths);
    std::vector<ContainerSummary> all;
    all.reserve(observer.expected() + 1);
    const std::unique_ptr<DIR, int (*)(DIR*)> containers(::opendir(paths.containers.c_str()), ::closedir);
    while (const dirent* entry = containers ? ::readdir(containers.get()) : nullptr) {
        struct stat info {};
        if (entry->d_name[0] == '.' ||
            ::fstatat(::dirfd(containers.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (!observer.observe(entry->d_name, DirectoryLooks(info), all.emplace_back())) all.pop_back();
    }
    return newest_first(std::move(all));
}

void note_change(const std::string& directory) noexcept {
    (void)::utimensat(AT_FDCWD, directory.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

}  // namespace minirun
