#include "runtime/events.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/sys_result.hpp"
#include "runtime/growing_file.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;
using Clock = std::chrono::system_clock;

constexpr off_t most_bytes = 1 << 20;
// Appended by one write(2), so that no line is a mixture of two.
constexpr std::size_t longest_line = PIPE_BUF;
constexpr std::size_t longest_name = 512;

std::string file_of(const Paths& paths) { return paths.data + "/events.log"; }

std::int64_t nanoseconds_of(Clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

struct Subject {
    std::string_view type;
    std::string id;
    std::string from;  // of a container, its image
    EventAttributes attributes;
};

std::string line_of(const Subject& subject, std::string_view action) {
    const auto now = nanoseconds_of(Clock::now());
    const Ordered event{{"status", action},
                        {"id", subject.id},
                        {"from", subject.from.substr(0, longest_name)},
                        {"Type", subject.type},
                        {"Action", action},
                        {"Actor", {{"ID", subject.id}, {"Attributes", subject.attributes}}},
                        {"scope", "local"},
                        {"time", now / 1'000'000'000},
                        {"timeNano", now}};
    return event.dump(-1, ' ', false, Ordered::error_handler_t::replace) + '\n';
}

// Who has the lock to itself knows that nobody is about to write to the file under its old name.
void rotate(const Fd& file, const std::string& path) {
    struct stat info {
    }, there{};
    if (::fstat(file.get(), &info) < 0 || info.st_size < most_bytes || ::flock(file.get(), LOCK_EX | LOCK_NB) < 0)
        return;
    if (::stat(path.c_str(), &there) == 0 && there.st_ino == info.st_ino)
        (void)libc_status(::rename(path.c_str(), (path + ".1").c_str()));
}

void append_line(const std::string& path, const std::string& line) {
    constexpr int tries = 3;
    for (int i = 0; i < tries; i++) {
        const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
        if (!file) return;
        struct stat info {
        }, there{};
        // With another name by now, or about to get one.
        const bool is_current = ::flock(file.get(), LOCK_SH | LOCK_NB) == 0 && ::fstat(file.get(), &info) == 0 &&
                                ::stat(path.c_str(), &there) == 0 && there.st_ino == info.st_ino;
        if (!is_current && i + 1 < tries) continue;
        const auto written = ::write(file.get(), line.data(), line.size());
        // On a full disk: a part of a line that is ended is passed over, and does not spoil the next.
        if (written > 0 && static_cast<std::size_t>(written) < line.size())
            (void)libc_status(static_cast<int>(::write(file.get(), "\n", 1)));
        return rotate(file, path);
    }
}

// What is too long for a line goes without what the user has noted, and then not at all.
void tell(const Paths& paths, Subject subject, std::string_view action, const EventAttributes& labels) {
    const auto own = subject.attributes;
    subject.attributes.insert(labels.begin(), labels.end());
    auto line = line_of(subject, action);
    if (line.size() > longest_line) {
        subject.attributes = own;
        line = line_of(subject, action);
    }
    if (line.size() <= longest_line) append_line(file_of(paths), line);
}

// A line that a full disk has cut, or that somebody else has written, is none.
bool is_event(const Ordered& json) {
    const auto has = [](const Ordered& object, const char* key, Ordered::value_t type) {
        const auto found = object.find(key);
        return found != object.end() && found->type() == type;
    };
    using Type = Ordered::value_t;
    return json.is_object() && has(json, "Action", Type::string) && has(json, "timeNano", Type::number_unsigned) &&
           has(json, "Actor", Type::object) && has(json["Actor"], "Attributes", Type::object);
}

// The beginning of what may be as long as it likes, such as the command of an exec.
std::string_view beginning(std::string_view text) { return text.substr(0, longest_name); }

}  // namespace

void tell_event(const Paths& paths, const ContainerFacts& facts, std::string_view action,
                const EventAttributes& attributes) noexcept try {
    Subject subject{"container", facts.id, facts.image_name, attributes};
    subject.attributes["image"] = beginning(facts.image_name);
    subject.attributes["name"] = facts.name;
    tell(paths, std::move(subject), beginning(action), facts.labels);
} catch (...) {
    // Out of memory: what is done is worth more than to tell of it.
}

void tell_container_event(const std::string& word, std::string_view action, const EventAttributes& attributes) noexcept
    try {
    const auto paths = default_paths();
    tell_event(paths, StoredContainer::find(paths, word).facts(), action, attributes);
} catch (...) {
    // It is gone.
}

void tell_image_event(const std::string& id, const std::string& name, std::string_view action) noexcept try {
    Subject subject{"image", "sha256:" + id, "", {}};
    if (!name.empty()) subject.attributes["name"] = beginning(name);
    tell(default_paths(), std::move(subject), action, {});
} catch (...) {
    // As above.
}

void read_events(const Paths& paths, const EventRange& range, const std::function<void(const Ordered& event)>& each) {
    make_private_directories(paths.data);
    const auto since = nanoseconds_of(range.since.value_or(Clock::now()));
    const auto until = range.until ? nanoseconds_of(*range.until) : INT64_MAX;
    const auto take = [&](std::string_view line) {
        const auto event = Ordered::parse(line, nullptr, false);
        if (!is_event(event)) return;
        const auto time = event["timeNano"].get<std::int64_t>();
        if (time >= since && time <= until) each(event);
    };
    GrowingFile file(file_of(paths));
    file.read(take);
    file.follow(
        [&]() -> std::optional<int> {
            if (!range.until) return -1;
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(*range.until - Clock::now()).count();
            if (left < 0) return std::nullopt;
            return static_cast<int>(std::min<std::int64_t>(left + 1, INT_MAX));
        },
        take);
}

}  // namespace minirun
