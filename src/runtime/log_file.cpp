#include "runtime/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <deque>

#include "base/json.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/sys_result.hpp"
#include "kernel/system_error.hpp"
#include "model/paths.hpp"
#include "runtime/growing_file.hpp"

namespace minirun {
namespace {

// Behind the last end of line: a writer that was killed may have left a part of one.
off_t end_of_whole_lines(int file, off_t size) {
    char block[4096];
    while (size > 0) {
        const auto begin = size > static_cast<off_t>(sizeof block) ? size - static_cast<off_t>(sizeof block) : 0;
        const auto n = ::pread(file, block, static_cast<std::size_t>(size - begin), begin);
        if (n <= 0) return size;
        for (auto i = n; i > 0; i--)
            if (block[i - 1] == '\n') return begin + i;
        size = begin;
    }
    return 0;
}

std::string entry_text(int stream, std::string_view line, const std::string& time) {
    const nlohmann::ordered_json json{
        {"log", std::string(line)}, {"stream", stream == STDERR_FILENO ? "stderr" : "stdout"}, {"time", time}};
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

// One that is not whole, or no entry at all, is passed over.
std::optional<LogEntry> parse_entry(std::string_view line) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    LogEntry entry;
    entry.text = json.value("log", "");
    entry.is_error = json.value("stream", "") == "stderr";
    entry.time = json.value("time", "");
    return entry;
}

bool is_wanted(const LogEntry& entry, const LogRange& range) {
    return (range.since.empty() || entry.time >= range.since) && (range.until.empty() || entry.time <= range.until);
}

}  // namespace

LogFile::LogFile(std::string path, const LogSetting& setting) : path_(std::move(path)), setting_(setting) {
    if (setting_.kept) open();
}

void LogFile::open() {
    file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file_) throw system_error(cat("cannot open the log ", quote(path_)), errno, root_hint);
    struct stat info {};
    ::fstat(file_.get(), &info);
    const auto whole = end_of_whole_lines(file_.get(), info.st_size);
    if (whole < info.st_size) (void)libc_status(::ftruncate(file_.get(), whole));
    size_ = static_cast<std::uint64_t>(whole);
}

// A full file is ended between two lines.
void LogFile::add_line(int stream, std::string_view line, Time time) {
    if (!file_) return;
    const auto entry = entry_text(stream, line, rfc3339(time));
    if (setting_.max_size && size_ + waiting_.size() > 0 &&
        size_ + waiting_.size() + entry.size() > *setting_.max_size) {
        flush();
        rotate();
    }
    waiting_ += entry;
}

// What the disk takes only a part of is taken back, so that no line is a mixture of two.
void LogFile::flush() {
    if (waiting_.empty() || !file_) return;
    const auto whole = kernel::write_all(file_.get(), waiting_.data(), waiting_.size());
    if (!whole) (void)libc_status(::ftruncate(file_.get(), static_cast<off_t>(size_)));
    for (std::size_t begin = 0; !whole && begin < waiting_.size();) {
        const auto length = waiting_.find('\n', begin) + 1 - begin;
        if (kernel::write_all(file_.get(), waiting_.data() + begin, length))
            size_ += length;
        else
            (void)libc_status(::ftruncate(file_.get(), static_cast<off_t>(size_)));
        begin += length;
    }
    if (whole) size_ += waiting_.size();
    waiting_.clear();
}

void LogFile::rotate() {
    if (setting_.max_files < 2) {
        (void)libc_status(::ftruncate(file_.get(), 0));
        size_ = 0;
        return;
    }
    // First of all what can fail: then the old one goes on.
    const auto beside = path_ + ".new";
    Fd next(::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!next) return;
    const auto name = [&](unsigned number) { return number == 0 ? path_ : cat(path_, '.', number); };
    for (auto number = setting_.max_files - 1; number > 0; number--)
        ::rename(name(number - 1).c_str(), name(number).c_str());
    ::rename(beside.c_str(), path_.c_str());
    file_ = std::move(next);
    size_ = 0;
}

void read_log(const std::string& path, const LogRange& range, const std::function<void(const LogEntry&)>& each) {
    std::deque<LogEntry> last;
    GrowingFile file(path);
    file.read([&](std::string_view line) {
        auto entry = parse_entry(line);
        if (!entry || !is_wanted(*entry, range) || range.last == 0) return;
        if (!range.last) return each(*entry);
        if (last.size() == *range.last) last.pop_front();
        last.push_back(std::move(*entry));
    });
    for (const auto& entry : last) each(entry);
    if (!range.more_comes) return;
    // A supervisor that is killed changes nothing here, so now and then it is asked for.
    constexpr int moment = 1000;
    file.follow([&] { return range.more_comes() ? std::optional(moment) : std::nullopt; },
                [&](std::string_view line) {
                    const auto entry = parse_entry(line);
                    if (entry && is_wanted(*entry, range)) each(*entry);
                });
}

}  // namespace minirun
